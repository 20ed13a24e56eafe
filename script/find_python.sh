# Sets `python` to a Python 3.11 or newer; sourced by script/server and script/test.

python=
for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "Webchat needs Python 3.11 or newer; here is: $(python3 --version 2>&1 || echo none)." \
    "Install it (Debian: apt-get install python3 python3-venv) and start again." >&2
  exit 1
fi
