"""Static files with the hash of their content in the name, ES module imports included."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class HashedStaticStorage(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    # A pass resolves one level of imports: a module's name waits for the names of what it imports.
    max_post_process_passes = 20
