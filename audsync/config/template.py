"""What `audsync init` writes: a starter `audsync.yaml` and a `.env.example`.

The starter loads as it stands, without any variable set, so that the next command works.
"""

STARTER = """\
# Settings of audsync. Every key is explained in docs/configuration.md,
# and in your editor, once you ran: audsync schema > audsync.schema.json
# yaml-language-server: $schema=audsync.schema.json
#
# ${NAME} comes from the environment or from .env beside this file; ${NAME:-text} has a default.
# Relative paths are seen from the folder of this file.

store:
  url: sqlite:///audsync.db         # or postgresql+psycopg://user@host/db, for many hosts

state:
  url: ./audsync-state              # what each platform confirmed; or s3://bucket/prefix

defaults:
  region: US                        # country of phones without a country code
  every: 24h                        # time between two syncs: 1h, 6h, 12h, 24h or 168h

connections:
  # A real ad account. Put your account here and its token into .env, then take the # away:
  meta-main:
    platform: meta
    account: act_1234567890
    # credentials: {access_token: ${META_ACCESS_TOKEN}}

  # One segment can go to any number of accounts; docs/platforms says how to get the secrets:
  # google-main:
  #   platform: google
  #   account: "1234567890"
  #   credentials: {service_account: google-key.json}
  #   options:
  #     consent: {ad_user_data: granted, ad_personalization: granted}  # only if they agreed
  #     terms_accepted: true        # Google's terms for customer data: a person reads them
  # tiktok-main:
  #   platform: tiktok
  #   account: "7000000000000000001"
  #   credentials: {access_token: ${TIKTOK_ACCESS_TOKEN}}
  # snapchat-main:
  #   platform: snapchat
  #   account: 0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11
  #   credentials:
  #     client_id: ${SNAPCHAT_CLIENT_ID}
  #     client_secret: ${SNAPCHAT_CLIENT_SECRET}
  #     refresh_token: ${SNAPCHAT_REFRESH_TOKEN}

  # To try everything without an account, run `audsync sandbox --port 8787` in another terminal.
  # It prints a connection to each of its four platforms, such as this:
  # meta-sandbox:
  #   platform: meta
  #   account: act_1001
  #   base_url: http://127.0.0.1:8787/meta
  #   credentials: {access_token: sandbox-meta-token}

segments:
  customers:
    source: {type: file, path: data/customers.csv}  # csv, jsonl, json, parquet; folder, glob, s3://
    columns:                        # key: the column in your file; [several, columns] work too
      profile_id: customer_id       # what tells people apart
      email: email
      phone: phone
      # first_name: first_name      # match fields help the platform to find the person
      # last_name: last_name
      # country: country
      # consent: marketing_opt_in   # rows where it is false or empty are never sent
    # region: GB                    # if this segment's phones are not from defaults.region
    # where: "ltv > 500"            # SQL expression over the columns

# What `audsync create customers --connection meta-main --id customers-meta` takes from here:
# audiences:
#   customers-meta:
#     segment: customers
#     connection: meta-main         # or meta-sandbox
#     name: Customers
#     guard: {max_removed_percent: 30, min_profiles: 100}

# People who are never sent anywhere, and removed where they were sent already.
# suppress:
#   - {type: file, path: data/opt_outs.csv, columns: {email: email, phone: phone}}

# notify:
#   - {url: ${SLACK_URL}, on: [failed, partial, stale, credentials_expired, guard_refused]}
"""

DOTENV_EXAMPLE = """\
# Copy to .env and fill in what you use; the environment wins over this file. Never commit .env.

# Secrets that audsync.yaml asks for with ${NAME}:
# META_ACCESS_TOKEN=
# TIKTOK_ACCESS_TOKEN=
# SNAPCHAT_CLIENT_ID=
# SNAPCHAT_CLIENT_SECRET=
# SNAPCHAT_REFRESH_TOKEN=
# SLACK_URL=

# The key of credentials that `audsync connect` saves; `audsync key generate --out FILE` makes one:
# AUDSYNC_ENCRYPTION_KEY_FILE=

# These overrule audsync.yaml:
# AUDSYNC_TENANT=1
# AUDSYNC_STORE_URL=sqlite:///audsync.db
# AUDSYNC_STATE_URL=./audsync-state
# AUDIENCE_SYNC_MAX_BATCH_SIZE=10000
# AUDIENCE_SYNC_MAX_CONCURRENT_SYNCS=5
# AUDIENCE_SYNC_MIN_INTERVAL_HOURS=1
# AUDIENCE_SYNC_DEFAULT_INTERVAL_HOURS=24
"""
