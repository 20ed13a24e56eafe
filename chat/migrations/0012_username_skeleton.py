from django.db import migrations, models

import chat.content.names


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0011_reactions_in_one_spelling'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='username',
            field=models.CharField(error_messages={'unique': 'This username is taken. Choose another one.'}, max_length=32, unique=True, validators=[chat.content.names.validate_username], verbose_name='username'),
        ),
        # Empty, so that it and its index are there at once.
        migrations.AddField(
            model_name='user',
            name='username_skeleton',
            field=models.CharField(blank=True, editable=False, max_length=255, null=True, unique=True),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(condition=models.Q(('is_bot', True)), fields=['id'], name='user_bots'),
        ),
    ]
