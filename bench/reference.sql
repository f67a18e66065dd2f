-- What the ledger is measured against: the least that double entry can be in PostgreSQL. No keys, no
-- records, no history of balances, no floors: two balances and a row.
CREATE TABLE bench_account (id int PRIMARY KEY, balance bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE bench_entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  debit int NOT NULL, credit int NOT NULL, amount bigint NOT NULL);
INSERT INTO bench_account SELECT g FROM generate_series(1, 10000) g;

CREATE FUNCTION bench_transfer(a int, b int, amount bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
  -- In order of their ids, so that two transfers never wait for each other in a circle.
  IF a < b THEN
    UPDATE bench_account SET balance = balance + amount WHERE id = a;
    UPDATE bench_account SET balance = balance - amount WHERE id = b;
  ELSE
    UPDATE bench_account SET balance = balance - amount WHERE id = b;
    UPDATE bench_account SET balance = balance + amount WHERE id = a;
  END IF;
  INSERT INTO bench_entry (debit, credit, amount) VALUES (a, b, amount) RETURNING id INTO made;
  RETURN made;
END $$;

CREATE FUNCTION bench_transfers(many int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE debits int[]; credits int[];
BEGIN
  SELECT array_agg(1 + floor(random() * 5000)::int), array_agg(5001 + floor(random() * 5000)::int)
    INTO debits, credits FROM generate_series(1, many);
  UPDATE bench_account t SET balance = t.balance + s.moved
    FROM (SELECT id, sum(moved)::bigint AS moved
            FROM (SELECT unnest(debits) AS id, 10 AS moved UNION ALL SELECT unnest(credits), -10) x
           GROUP BY id) s
   WHERE t.id = s.id;
  INSERT INTO bench_entry (debit, credit, amount)
  SELECT d, c, 10 FROM unnest(debits, credits) u(d, c);
  RETURN many;
END $$;
