-- Facts about parties that others have verified, and the floors and limits that a fund's board has set.
SET LOCAL search_path = mfm;

CREATE TABLE attestation (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('in-force', 'withdrawn', 'reversed')),
  party text NOT NULL CHECK (party <> ''),
  kind text NOT NULL CHECK (kind IN ('registration', 'host', 'level', 'type', 'ingo-affiliate', 'mission',
    'women-in-leadership', 'peer-attestation', 'annual-budget', 'due-diligence', 'sanctions-screening',
    'bank-account', 'audit-finding', 'overdue-exception')),
  value text NOT NULL, reference text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0), source text NOT NULL CHECK (source <> ''),
  verified_on date NOT NULL, valid_until date CHECK (valid_until >= verified_on), changed_on date,
  verified_by text NOT NULL CHECK (verified_by <> ''),
  verifier text NOT NULL CHECK (verifier <> party),      -- nobody attests for itself
  PRIMARY KEY (mechanism_id, id),
  CHECK ((kind = 'annual-budget') = (amount_minor > 0) AND (amount_minor > 0) = (currency <> '')),
  CHECK ((kind = 'audit-finding') = (reference <> '') AND (kind = 'bank-account') = (changed_on IS NOT NULL)),
  CHECK (valid_until IS NOT NULL OR kind NOT IN ('host', 'due-diligence', 'overdue-exception')),
  CHECK (CASE kind
    WHEN 'host' THEN value <> '' AND value <> party
    WHEN 'level' THEN value IN ('grassroots', 'local', 'national', 'regional', 'international')
    WHEN 'type' THEN value IN ('women-rights', 'women-led', 'young-women-led', 'civil-society',
      'local-government', 'national-government', 'network', 'intermediary', 'academia')
    WHEN 'ingo-affiliate' THEN value IN ('yes', 'no')
    WHEN 'women-in-leadership' THEN value ~ '^(100|[1-9]?[0-9])$'
    WHEN 'due-diligence' THEN value IN ('passed', 'failed', 'pending')
    WHEN 'sanctions-screening' THEN value IN ('clear', 'hit')
    WHEN 'bank-account' THEN value ~ '^[0-9a-f]{64}$'
    WHEN 'audit-finding' THEN value IN ('critical', 'major', 'minor')
    ELSE value = '' END));
CREATE INDEX attestation_party ON attestation (mechanism_id, party);
SELECT join_nouns('attestation');

CREATE TABLE standards (                      -- its id is its fund's
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('set', 'reversed')), fund text NOT NULL CHECK (fund = id),
  women_rights_percent int NOT NULL CHECK (women_rights_percent BETWEEN 0 AND 100),
  small_groups_percent int NOT NULL CHECK (small_groups_percent BETWEEN 0 AND 100),
  prevention_percent int NOT NULL CHECK (prevention_percent BETWEEN 0 AND 100),
  local_percent int NOT NULL CHECK (local_percent BETWEEN 0 AND 100),
  pass_through_percent int NOT NULL CHECK (pass_through_percent BETWEEN 0 AND 100),
  reported_percent int NOT NULL CHECK (reported_percent BETWEEN 0 AND 100),
  overdue_report_days int NOT NULL CHECK (overdue_report_days BETWEEN 0 AND 3660),
  account_hold_days int NOT NULL CHECK (account_hold_days BETWEEN 0 AND 3660),
  PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('standards');
