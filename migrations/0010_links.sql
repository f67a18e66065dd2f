-- Links to grants' status pages. The token is nowhere: a link is looked up by its hash.
SET LOCAL search_path = mfm;

CREATE TABLE status_link (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('active', 'revoked', 'reversed')), commitment text NOT NULL,
  from_fund text NOT NULL, to_party text NOT NULL, digest text NOT NULL CHECK (length(digest) = 64),
  PRIMARY KEY (mechanism_id, id));
CREATE UNIQUE INDEX status_link_digest ON status_link (mechanism_id, digest);

SELECT join_nouns('status_link');
