#!/bin/sh
# What a container of ours does first: the password of the mail server, which wengang reads from the environment, comes from
# its secret where one was filled in. Airflow reads its own secrets by the _CMD variants of its settings.
set -eu
if [ -s "${WENGANG_SMTP_PASSWORD_FILE:-}" ]; then
  WENGANG_SMTP_PASSWORD=$(cat "$WENGANG_SMTP_PASSWORD_FILE")
  export WENGANG_SMTP_PASSWORD
fi
exec "$@"
