# One image for every process of the chat: migrate, web, relay, consumer (see docker-compose.yml).
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY manage.py ./
COPY webchat webchat
COPY chat chat
COPY messaging messaging

# Static files get their hash in the name here, once; SQLite is named only so that settings load.
RUN COLLECTING_STATIC=true SECRET_KEY=for-collecting-static-files-only-00000000 \
    DATABASE_URL=sqlite:////tmp/unused.sqlite3 python manage.py collectstatic --noinput \
 && useradd --system --uid 10001 --home-dir /app webchat \
 && install -d -o webchat /srv/media

USER webchat
EXPOSE 8000
CMD ["python", "-m", "daphne", "-v", "0", "-b", "0.0.0.0", "-p", "8000", "webchat.asgi:application"]
