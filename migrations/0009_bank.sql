-- bank
SET LOCAL search_path = mfm;

-- A page's matches hold together: each line's match is one that names records, each match has a line or
-- the opening balance, and no record is named twice.
CREATE FUNCTION bank_page_sound(status text, lines jsonb, matches jsonb, opening_match int)
RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = mfm, pg_temp AS $$
  WITH line AS (SELECT (l ->> 'match')::int AS number FROM jsonb_array_elements(lines) l),
  named AS (SELECT (m ->> 'number')::int AS number, (m ->> 'record')::bigint AS record
              FROM jsonb_array_elements(matches) m)
  SELECT (SELECT coalesce(array_agg(DISTINCT number ORDER BY number), '{}')
            FROM (SELECT number FROM line UNION ALL SELECT opening_match) t WHERE number <> 0)
       = (SELECT coalesce(array_agg(DISTINCT number ORDER BY number), '{}') FROM named)
     AND (SELECT count(*) = count(DISTINCT record) FROM named)
     AND (status = 'reversed'
          OR (status = 'matched') = NOT EXISTS (SELECT FROM line WHERE number = 0)) $$;
REVOKE ALL ON FUNCTION bank_page_sound FROM PUBLIC;

CREATE TABLE bank_statement (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'matched', 'reversed')),
  fund text NOT NULL, bank_account text NOT NULL, currency text NOT NULL, file text NOT NULL,
  sequence bigint NOT NULL CHECK (sequence >= 0),
  page int NOT NULL CHECK (page BETWEEN 1 AND pages), pages int NOT NULL,
  opened_on date NOT NULL, closed_on date NOT NULL CHECK (closed_on >= opened_on),
  opening_minor bigint NOT NULL, closing_minor bigint NOT NULL,
  lines jsonb NOT NULL, matches jsonb NOT NULL, opening_match int NOT NULL,
  PRIMARY KEY (mechanism_id, id),
  CHECK (bank_page_sound(status, lines, matches, opening_match)));
CREATE INDEX bank_statement_fund ON bank_statement (mechanism_id, fund);
SELECT join_nouns('bank_statement');
