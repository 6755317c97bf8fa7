/*
 * platform/database_start.c -- see the header. Needs no right beyond the restricted profile: no
 * root, no network, files in /tmp only. A new volume is left to the image, which takes the same
 * variables. No password is ever written to the log.
 */
#include "platform/database_start.h"

/* PostgreSQL's single-user mode (postgres --single) takes commands before anybody can connect; it
 * has to be a child of process 1, whose number a killed server leaves in postmaster.pid. -j: a
 * command ends with a semicolon and an empty line, so that a password may have a line break. */
#define POSTGRES_HEAD                                                                     \
    "set -eu\n"                                                                           \
    "umask 077\n"                                                                         \
    "trap 'exit 143' TERM INT\n"                                                          \
    "double() { # TEXT CHARACTER: the text with that character twice, as SQL quotes it\n" \
    "    rest=$1 quoted=\n"                                                               \
    "    while :; do\n"                                                                   \
    "        case $rest in *\"$2\"*) ;; *) break ;; esac\n"                               \
    "        quoted=$quoted${rest%%\"$2\"*}$2$2 rest=${rest#*\"$2\"}\n"                   \
    "    done\n"                                                                          \
    "    quoted=$quoted$rest\n"                                                           \
    "}\n"
#define POSTGRES_PASSWORD_SET                                                                      \
    "if [ -s \"$PGDATA/PG_VERSION\" ] && [ ! -e \"$PGDATA/.moving\" ]; then\n"                     \
    "    double \"$POSTGRES_USER\" '\"'; user=$quoted\n"                                           \
    "    double \"$POSTGRES_PASSWORD\" \"'\"\n"                                                    \
    "    printf \"ALTER ROLE \\\"%s\\\" WITH LOGIN PASSWORD '%s';\\n\\n\" \"$user\" \"$quoted\" "  \
    ">/tmp/password.sql\n"                                                                         \
    "    failed=\n"                                                                                \
    "    postgres --single -j -D \"$PGDATA\" postgres </tmp/password.sql >/tmp/password.log 2>&1 " \
    "|| failed=1\n"                                                                                \
    "    case $(cat /tmp/password.log) in *ERROR:* | *FATAL:* | *PANIC:*) failed=1 ;; esac\n"      \
    "    while [ \"$failed\" ] && IFS= read -r line; do\n"                                         \
    "        case $line in *ERROR:* | *FATAL:* | *PANIC:* | *DETAIL:* | *HINT:*) "                 \
    "echo \"$line\" >&2 ;; esac\n"                                                                 \
    "    done </tmp/password.log\n"                                                                \
    "    rm -f /tmp/password.sql /tmp/password.log\n"                                              \
    "    [ ! \"$failed\" ] || { echo \"the password of the Secret could not be set\" >&2; exit "   \
    "1; "                                                                                          \
    "}\n"                                                                                          \
    "fi\n"
#define POSTGRES_RUN(OPTIONS)                                                        \
    "if command -v docker-entrypoint.sh >/dev/null; then exec docker-entrypoint.sh " \
    "postgres" OPTIONS "; fi\nexec lp-postgres" OPTIONS "\n"
static const char postgres_start[] = POSTGRES_HEAD POSTGRES_PASSWORD_SET POSTGRES_RUN("");

/* The role that the image would make is its superuser, and PostgreSQL lets nobody change that
 * later. So the cluster is made here: postgres is its superuser, who has no password and is reached
 * from within the pod alone. It becomes PGDATA once it is whole. */
static const char plain_role_start[] = POSTGRES_HEAD
    "if [ ! -s \"$PGDATA/PG_VERSION\" ]; then\n"
    "    new=$PGDATA.new failed=\n"
    "    rm -rf \"$new\"\n"
    "    initdb -D \"$new\" -U postgres --auth-local=trust --auth-host=scram-sha-256 "
    "--encoding=UTF8 --locale=C.UTF-8 >/tmp/initdb.log 2>&1 || { cat /tmp/initdb.log >&2; exit 1; "
    "}\n"
    "    echo 'host all all all scram-sha-256' >>\"$new/pg_hba.conf\"\n"
    "    double \"$POSTGRES_USER\" '\"'; user=$quoted\n"
    "    double \"$POSTGRES_DB\" '\"'\n"
    "    printf 'CREATE ROLE \"%s\" LOGIN;\\n\\nCREATE DATABASE \"%s\" OWNER \"%s\";\\n\\n' "
    "\"$user\" \"$quoted\" \"$user\" | "
    "postgres --single -j -D \"$new\" postgres >/tmp/initdb.log 2>&1 || failed=1\n"
    "    case $(cat /tmp/initdb.log) in *ERROR:* | *FATAL:* | *PANIC:*) failed=1 ;; esac\n"
    "    [ ! \"$failed\" ] || { cat /tmp/initdb.log >&2; exit 1; }\n"
    "    rm -f /tmp/initdb.log\n"
    "    [ ! -e \"$PGDATA\" ] || rmdir \"$PGDATA\"\n"
    "    mv \"$new\" \"$PGDATA\"\n"
    /* Recordings come and go: by default their WAL alone would fill the volume. */
    "fi\n" POSTGRES_PASSWORD_SET POSTGRES_RUN(" -c max_wal_size=192MB");

/* A server without authentication, on a port of this pod's loopback, for as long as it takes. */
static const char mongodb_start[] =
    "set -eu\n"
    "umask 077\n"
    "trap 'exit 143' TERM INT\n"
    "if [ -e /data/db/WiredTiger ]; then\n"
    "    mongod --noauth --dbpath /data/db --bind_ip 127.0.0.1 --port 27018 --fork "
    "--logpath /tmp/password.log >/dev/null || { cat /tmp/password.log >&2; exit 1; }\n"
    "    failed=\n"
    "    mongosh --quiet mongodb://127.0.0.1:27018/admin --eval '\n"
    "        const user = process.env.MONGO_INITDB_ROOT_USERNAME;\n"
    "        const pwd = process.env.MONGO_INITDB_ROOT_PASSWORD;\n"
    "        if (db.getUser(user)) db.updateUser(user, { pwd });\n"
    "        else db.createUser({ user, pwd, roles: [\"root\"] });' >&2 || failed=1\n"
    "    mongod --dbpath /data/db --shutdown >/dev/null\n"
    "    rm -f /tmp/password.log\n"
    "    [ ! \"$failed\" ] || { echo \"the password of the Secret could not be set\" >&2; exit 1; "
    "}\n"
    "fi\n"
    "exec docker-entrypoint.sh mongod\n";

const char *database_start(enum database_id id)
{
    if (database_kinds[id].engine == ENGINE_MONGODB)
        return mongodb_start;
    return database_kinds[id].plain_role ? plain_role_start : postgres_start;
}
