-- The cluster's roles, made once per PostgreSQL cluster, before the first migration:
--     psql -f roles.sql                          (as a superuser, or a role with CREATEROLE)
--     createdb --owner=mfm_owner mfm
-- mfm_owner, mfm_writer, mfm_reader, mfm_auditor   nobody logs in as them; the grants are theirs
-- mfm_migrator   a login that may become the owner; used by `mfm migrate` alone
-- mfm_app        a login that may become writer, reader or auditor; nothing else
-- The logins inherit nothing: a session has the rights of the role it SET ROLEs to, and none before.
-- Running this again changes nothing, not even a catalogue row. Logins get no password here: with
-- other authentication than peer, give them one (ALTER ROLE mfm_app PASSWORD ...).
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT role, can_login
          FROM (VALUES ('mfm_owner', false), ('mfm_writer', false), ('mfm_reader', false),
                       ('mfm_auditor', false), ('mfm_migrator', true), ('mfm_app', true))
               AS v (role, can_login)
         WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOINHERIT %s', wanted.role,
                           CASE WHEN wanted.can_login THEN 'LOGIN' ELSE 'NOLOGIN' END);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another session made it between our look and our CREATE
        END;
    END LOOP;

    FOR wanted IN
        SELECT login, role
          FROM (VALUES ('mfm_migrator', 'mfm_owner'), ('mfm_app', 'mfm_writer'),
                       ('mfm_app', 'mfm_reader'), ('mfm_app', 'mfm_auditor'))
               AS v (login, role)
         WHERE NOT EXISTS (
               SELECT FROM pg_auth_members
                WHERE roleid = to_regrole(role) AND member = to_regrole(login)
                  AND set_option AND NOT inherit_option AND NOT admin_option)
    LOOP
        EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE, ADMIN FALSE',
                       wanted.role, wanted.login);
    END LOOP;
END
$$;
