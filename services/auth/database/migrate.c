/* services/auth/database/migrate.c -- the versions of the tables (lib/postgres/migrations.h). */
#include "services/auth/database/migrate.h"

#include "base/alloc.h"
#include "postgres/migrations.h"

static const char *const versions[] = {
    /* Tokens are kept as SHA-256. A session is one login; its tokens follow each other. */
    "CREATE TABLE users ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " email text NOT NULL CHECK (length(email) <= 254),"
    " password text NOT NULL,"
    " name text NOT NULL,"
    " bio text CHECK (length(bio) <= 500),"
    " avatar_url text,"
    " phone text CHECK (length(phone) <= 20),"
    " address text CHECK (length(address) <= 200),"
    " role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),"
    " email_verified_at timestamptz,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " updated_at timestamptz NOT NULL DEFAULT now());"
    "CREATE UNIQUE INDEX users_email_key ON users (lower(email));"
    "CREATE TABLE sessions ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " expires_at timestamptz NOT NULL,"
    " revoked_at timestamptz);"
    "CREATE INDEX sessions_user_key ON sessions (user_id, created_at);"
    "CREATE TABLE refresh_tokens ("
    " token_hash bytea PRIMARY KEY,"
    " session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    " expires_at timestamptz NOT NULL,"
    " used_at timestamptz);"
    "CREATE INDEX refresh_tokens_session_key ON refresh_tokens (session_id);",
    /* The successor of a used token can be made again from it and its times. Failures are found by
     * a hash of account, of address, and of both. */
    "ALTER TABLE users ADD COLUMN disabled_at timestamptz;"
    "ALTER TABLE users DROP CONSTRAINT users_role_check;"
    "ALTER TABLE users ADD CONSTRAINT users_role_check"
    " CHECK (role IN ('user', 'teacher', 'admin'));"
    "ALTER TABLE sessions ADD COLUMN device text, ADD COLUMN last_used_at timestamptz;"
    "ALTER TABLE refresh_tokens ADD COLUMN successor bytea,"
    " ADD COLUMN issued_s bigint, ADD COLUMN expires_s bigint;"
    "CREATE TABLE login_failures ("
    " key bytea PRIMARY KEY,"
    " failures integer NOT NULL,"
    " last_at timestamptz NOT NULL);"
    "CREATE INDEX login_failures_last_key ON login_failures (last_at);",
    /* Mails wait without their code, which is made when one is sent; codes are kept as SHA-256.
     * mailed_at: when the last three mails to this account were asked for. */
    "ALTER TABLE users ADD COLUMN mailed_at timestamptz[] NOT NULL DEFAULT '{}';"
    "CREATE INDEX users_created_key ON users (created_at, id);"
    "CREATE TABLE mails ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,"
    " kind text NOT NULL CHECK (kind IN ('verify', 'reset')),"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " due_at timestamptz NOT NULL DEFAULT now(),"
    " attempts integer NOT NULL DEFAULT 0,"
    " sent_at timestamptz);"
    "CREATE INDEX mails_due_key ON mails (due_at) WHERE sent_at IS NULL;"
    "CREATE INDEX mails_user_key ON mails (user_id);"
    "CREATE TABLE codes ("
    " code_hash bytea PRIMARY KEY,"
    " user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,"
    " kind text NOT NULL,"
    " expires_at timestamptz NOT NULL,"
    " used_at timestamptz);"
    "CREATE INDEX codes_user_key ON codes (user_id);"
    "CREATE TABLE pictures ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " user_id uuid NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,"
    " type text NOT NULL,"
    " bytes bytea NOT NULL);"
    /* No reference to users: what a deleted account did stays known. */
    "CREATE TABLE audit_events ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " at timestamptz NOT NULL DEFAULT now(),"
    " event text NOT NULL,"
    " actor uuid,"
    " subject uuid,"
    " address text,"
    " request_id text,"
    " detail text);"
    "CREATE INDEX audit_events_subject_key ON audit_events (subject, id);"
    "CREATE INDEX audit_events_at_key ON audit_events (at);",
    /* A learner's erasure, which other services take part in; its id is the receipt. */
    "CREATE TABLE erasures ("
    " id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " user_id uuid NOT NULL UNIQUE,"
    " asked_by uuid NOT NULL,"
    " asked_at timestamptz NOT NULL DEFAULT now(),"
    " due_at timestamptz NOT NULL DEFAULT now(),"
    " attempts integer NOT NULL DEFAULT 0,"
    " done_at timestamptz);"
    "CREATE INDEX erasures_due_key ON erasures (due_at) WHERE done_at IS NULL;",
    /* Once more when no token of before is good any longer: what was written in between goes. */
    "ALTER TABLE erasures ADD COLUMN swept_at timestamptz;"
    "UPDATE erasures SET swept_at = done_at;"
    "DROP INDEX erasures_due_key;"
    "CREATE INDEX erasures_due_key ON erasures (due_at) WHERE swept_at IS NULL;",
    /* Who an account is at an issuer: one subject of each. role: what the map gave at the last
     * login. A state is here from the end of its login until it expires. */
    "CREATE TABLE identities ("
    " issuer text NOT NULL CHECK (length(issuer) <= 1024),"
    " subject text NOT NULL CHECK (length(subject) <= 255),"
    " user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,"
    " role text,"
    " created_at timestamptz NOT NULL DEFAULT now(),"
    " last_login_at timestamptz NOT NULL DEFAULT now(),"
    " PRIMARY KEY (issuer, subject),"
    " UNIQUE (user_id, issuer));"
    "CREATE TABLE oidc_states ("
    " state_hash bytea PRIMARY KEY,"
    " expires_at timestamptz NOT NULL);"
    "CREATE INDEX oidc_states_expires_key ON oidc_states (expires_at);",
    /*
     * Personal fields in a schema of their own, the users' keys in another, so that it can be
     * backed up apart. Pods of the version before go on with the view `users` in place of the
     * table, which the beginning of encryption removes. The change of a type writes the table anew,
     * and the dropped columns with it.
     */
    "DROP INDEX users_email_key;"
    "ALTER TABLE users RENAME TO accounts;"
    "CREATE SCHEMA personal;"
    "CREATE SCHEMA personal_keys;"
    "CREATE TABLE personal.people ("
    " user_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,"
    " email text CHECK (length(email) <= 254),"
    " name text,"
    " phone text CHECK (length(phone) <= 20),"
    " address text CHECK (length(address) <= 200),"
    " lookup bytea UNIQUE,"
    " sealed_email bytea,"
    " sealed_name bytea,"
    " sealed_phone bytea,"
    " sealed_address bytea,"
    " CONSTRAINT people_one_email CHECK ((email IS NULL) <> (sealed_email IS NULL)),"
    " CONSTRAINT people_one_name CHECK ((name IS NULL) <> (sealed_name IS NULL)));"
    "INSERT INTO personal.people (user_id, email, name, phone, address)"
    " SELECT id, email, name, phone, address FROM accounts;"
    "CREATE UNIQUE INDEX people_email_key ON personal.people (lower(email));"
    "CREATE INDEX people_plain_key ON personal.people (user_id) WHERE sealed_email IS NULL;"
    "ALTER TABLE accounts DROP COLUMN email, DROP COLUMN name, DROP COLUMN phone,"
    " DROP COLUMN address, ALTER COLUMN password TYPE text USING (password || '');"
    "CREATE TABLE personal_keys.keys ("
    " user_id uuid PRIMARY KEY,"
    " master text NOT NULL,"
    " wrapped bytea NOT NULL);"
    "CREATE INDEX keys_master_key ON personal_keys.keys (master);"
    /* What e-mails are found by is made under it; begun_at: new fields are sealed. */
    "CREATE TABLE personal_keys.lookup ("
    " one boolean PRIMARY KEY DEFAULT true CHECK (one),"
    " master text NOT NULL,"
    " wrapped bytea NOT NULL,"
    " begun_at timestamptz);"
    "CREATE UNLOGGED TABLE personal_keys.pods ("
    " id uuid PRIMARY KEY,"
    " masters text[] NOT NULL,"
    " ready boolean NOT NULL,"
    " seen_at timestamptz NOT NULL);"
    /* Not by a reference: keys are restored apart. With a look of its own at the keys, so that one
     * that was made a moment ago goes too. */
    "CREATE FUNCTION personal_keys.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " DELETE FROM personal_keys.keys WHERE user_id = OLD.user_id;"
    " RETURN OLD; END $$;"
    "CREATE TRIGGER forget AFTER DELETE ON personal.people"
    " FOR EACH ROW EXECUTE FUNCTION personal_keys.forget();"
    "CREATE VIEW personal.users AS SELECT a.*, p.email, p.name, p.phone, p.address, p.sealed_email,"
    " p.sealed_name, p.sealed_phone, p.sealed_address, k.master, k.wrapped"
    " FROM accounts a JOIN personal.people p ON p.user_id = a.id"
    " LEFT JOIN personal_keys.keys k ON k.user_id = a.id;"
    "CREATE VIEW users AS SELECT a.id, p.email, a.password, p.name, a.bio, a.avatar_url, p.phone,"
    " p.address, a.role, a.email_verified_at, a.created_at, a.updated_at, a.disabled_at,"
    " a.mailed_at FROM accounts a JOIN personal.people p ON p.user_id = a.id"
    " WHERE p.sealed_email IS NULL;"
    "ALTER VIEW users ALTER id SET DEFAULT gen_random_uuid(), ALTER role SET DEFAULT 'user',"
    " ALTER created_at SET DEFAULT now(), ALTER updated_at SET DEFAULT now(),"
    " ALTER mailed_at SET DEFAULT '{}';"
    "CREATE FUNCTION users_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " IF TG_OP = 'DELETE' THEN"
    "  DELETE FROM accounts WHERE id = OLD.id;"
    "  IF NOT FOUND THEN RETURN NULL; END IF;"
    "  RETURN OLD;"
    " ELSIF TG_OP = 'INSERT' THEN"
    "  INSERT INTO accounts (id, password, bio, avatar_url, role, email_verified_at, created_at,"
    "   updated_at, disabled_at, mailed_at) VALUES (NEW.id, NEW.password, NEW.bio,"
    "   NEW.avatar_url, NEW.role, NEW.email_verified_at, NEW.created_at, NEW.updated_at,"
    "   NEW.disabled_at, NEW.mailed_at);"
    "  INSERT INTO personal.people (user_id, email, name, phone, address)"
    "   VALUES (NEW.id, NEW.email, NEW.name, NEW.phone, NEW.address);"
    "  RETURN NEW;"
    " END IF;"
    " UPDATE accounts SET password = NEW.password, bio = NEW.bio, avatar_url = NEW.avatar_url,"
    "  role = NEW.role, email_verified_at = NEW.email_verified_at, updated_at = NEW.updated_at,"
    "  disabled_at = NEW.disabled_at, mailed_at = NEW.mailed_at WHERE id = OLD.id;"
    " IF NOT FOUND THEN RETURN NULL; END IF;"
    " UPDATE personal.people SET email = NEW.email, name = NEW.name, phone = NEW.phone,"
    "  address = NEW.address WHERE user_id = OLD.id AND sealed_email IS NULL;"
    " RETURN NEW; END $$;"
    "CREATE TRIGGER users_write INSTEAD OF INSERT OR UPDATE OR DELETE ON users"
    " FOR EACH ROW EXECUTE FUNCTION users_write();",
    /* A volume of a disabled learning service keeps what it has: it is asked once it is there. Of
     * erasures from before this it is not known, so they are asked for once more. */
    "ALTER TABLE erasures ADD COLUMN learning_asked boolean NOT NULL DEFAULT false;"
    "CREATE INDEX erasures_left_key ON erasures (due_at)"
    " WHERE swept_at IS NOT NULL AND NOT learning_asked;",
    /* When the last three mails to an address were asked for, under its hash: an account can be
     * deleted and made again, and an address with it. In place of accounts.mailed_at. */
    "CREATE TABLE mailed_addresses ("
    " key bytea PRIMARY KEY,"
    " mailed_at timestamptz[] NOT NULL);",
    /* What an admin did to others is found by who did it (finish_erasure); an account with a
     * password, by a place among them (begin_login), however many have none. */
    "CREATE INDEX audit_events_actor_key ON audit_events (actor)"
    " WHERE actor IS DISTINCT FROM subject;"
    "CREATE INDEX accounts_password_key ON accounts (id) WHERE password <> '';",
};

int migrate_up_to(struct lp_db *db, size_t version, struct lp_error *err)
{
    const struct lp_migrations migrations = {
        .lock = 1819304309, /* "lpau" */
        .versions = versions,
        .n = version < LP_COUNT(versions) ? version : LP_COUNT(versions),
    };
    return lp_db_migrate(db, &migrations, err);
}

int migrate_run(struct lp_db *db, struct lp_error *err)
{
    return migrate_up_to(db, LP_COUNT(versions), err);
}
