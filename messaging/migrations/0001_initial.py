

import django.utils.timezone
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='RelayState',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('bus', models.CharField(max_length=20)),
                ('host', models.CharField(max_length=255)),
                ('pid', models.PositiveIntegerField()),
                ('breaker', models.CharField(max_length=10)),
                ('last_error', models.TextField(blank=True, default='')),
                ('started_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'relay',
                'verbose_name_plural': 'relay',
            },
        ),
        migrations.CreateModel(
            name='DeadLetter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('topic', models.CharField(max_length=249)),
                ('partition', models.IntegerField(blank=True, null=True)),
                ('offset', models.BigIntegerField(blank=True, null=True)),
                ('record_key', models.BinaryField(null=True)),
                ('value', models.BinaryField(null=True)),
                ('headers', models.TextField(blank=True, default='[]', help_text='JSON: pairs of a name and a base64 value.')),
                ('record_timestamp', models.DateTimeField(blank=True, null=True)),
                ('event_id', models.UUIDField(blank=True, null=True)),
                ('group', models.CharField(max_length=100)),
                ('handler', models.CharField(blank=True, help_text='Empty: it could not be given to any handler.', max_length=100)),
                ('error_class', models.CharField(max_length=200)),
                ('error_message', models.TextField(blank=True)),
                ('traceback', models.TextField(blank=True)),
                ('attempts', models.PositiveIntegerField(default=1)),
                ('status', models.CharField(choices=[('open', 'open'), ('replayed', 'retried'), ('discarded', 'discarded')], default='open', max_length=10)),
                ('reason', models.TextField(blank=True, default='', help_text='Why it was discarded.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'dead letter',
                'verbose_name_plural': 'dead letters',
                'indexes': [models.Index(condition=models.Q(('status', 'open')), fields=['topic', 'id'], name='dead_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('partition__isnull', False)), fields=('topic', 'partition', 'offset', 'group', 'handler'), name='dead_once_per_position'), models.UniqueConstraint(condition=models.Q(('partition__isnull', True)), fields=('event_id', 'group', 'handler'), name='dead_once_per_event')],
            },
        ),
        migrations.CreateModel(
            name='OutboxEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('topic', models.CharField(max_length=249)),
                ('key', models.CharField(max_length=128)),
                ('event_type', models.CharField(max_length=100)),
                ('schema_version', models.PositiveSmallIntegerField(default=1)),
                ('payload', models.TextField(help_text='JSON, exactly as it is sent.')),
                ('traceparent', models.CharField(blank=True, default='', max_length=55)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('status', models.PositiveSmallIntegerField(choices=[(0, 'waiting'), (1, 'published'), (2, 'set aside'), (3, 'cancelled')], default=0)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('last_error', models.TextField(blank=True, default='')),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('partition', models.IntegerField(blank=True, null=True)),
                ('offset', models.BigIntegerField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'outbox event',
                'verbose_name_plural': 'outbox',
                'indexes': [models.Index(condition=models.Q(('status', 0)), fields=['id'], name='outbox_waiting'), models.Index(condition=models.Q(('status', 2)), fields=['id'], name='outbox_set_aside')],
            },
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.UUIDField()),
                ('group', models.CharField(max_length=100)),
                ('handler', models.CharField(max_length=100)),
                ('topic', models.CharField(max_length=249)),
                ('partition', models.IntegerField(blank=True, null=True)),
                ('offset', models.BigIntegerField(blank=True, null=True)),
                ('attempts', models.PositiveIntegerField(default=1)),
                ('handled_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name': 'handled event',
                'verbose_name_plural': 'handled events',
                'constraints': [models.UniqueConstraint(fields=('event_id', 'group', 'handler'), name='receipt_once_per_handler')],
            },
        ),
    ]
