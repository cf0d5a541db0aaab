-- The result store, version 6. This file is its one definition: it is built into the
-- program, which runs it on every new file. Older files are migrated (migrate.c).
-- SQLite 3.38 or newer; every table is STRICT, so a text never hides in a number.
--
-- Start with the view `result`: one row per cell, current cells only.

PRAGMA application_id = 0x474e544c; -- 'GNTL'
PRAGMA user_version = 6;

-- Where a run ran.
CREATE TABLE env(
  env_id INTEGER PRIMARY KEY,
  env_sha TEXT NOT NULL UNIQUE,          -- over all other columns
  host TEXT NOT NULL, os TEXT NOT NULL, kernel TEXT NOT NULL, arch TEXT NOT NULL,
  cpu TEXT NOT NULL, cores INTEGER NOT NULL, ram_mb INTEGER NOT NULL, accel TEXT,
  prog_version TEXT NOT NULL, git_commit TEXT,
  git_dirty INTEGER NOT NULL CHECK(git_dirty IN (0,1)),
  binary_sha TEXT NOT NULL, compiler TEXT NOT NULL, cflags TEXT NOT NULL,
  simd TEXT NOT NULL, libs TEXT NOT NULL CHECK(json_valid(libs))) STRICT;

-- A network: one file with one way to prepare its input. The same name with another file
-- is another row; boards show the one that ran last.
CREATE TABLE model(
  model_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL, variant TEXT NOT NULL, arch TEXT NOT NULL, family TEXT NOT NULL,
  precision TEXT NOT NULL,               -- fp32 fp16 bf16 int8 int4 binary ternary snn ...
  technique TEXT NOT NULL,               -- how it was compressed; '' for none
  gradient TEXT NOT NULL CHECK(gradient IN ('exact','surrogate','none')),
  twin TEXT,                             -- name of the full-precision original
  twin_id INTEGER REFERENCES model(model_id), -- its newest row, kept up to date
  file_sha TEXT NOT NULL, file_bytes INTEGER NOT NULL,
  params INTEGER NOT NULL, macs INTEGER NOT NULL, n_classes INTEGER NOT NULL,
  preproc TEXT NOT NULL CHECK(json_valid(preproc)),
  meta TEXT NOT NULL CHECK(json_valid(meta)),
  UNIQUE(name, variant, file_sha, preproc)) STRICT;

CREATE TABLE dataset(
  dataset_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL, split TEXT NOT NULL,
  n INTEGER NOT NULL CHECK(n > 0), n_classes INTEGER NOT NULL,
  manifest_sha TEXT NOT NULL,
  UNIQUE(name, split, manifest_sha)) STRICT;
CREATE TABLE class(
  dataset_id INTEGER NOT NULL REFERENCES dataset, label INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY(dataset_id, label)) STRICT, WITHOUT ROWID;
CREATE TABLE sample(
  dataset_id INTEGER NOT NULL REFERENCES dataset, idx INTEGER NOT NULL CHECK(idx >= 0),
  label INTEGER NOT NULL, key TEXT NOT NULL,
  PRIMARY KEY(dataset_id, idx)) STRICT, WITHOUT ROWID;

-- Which samples of a dataset, in which order: position `pos` of every vector in `pred`.
CREATE TABLE subset(
  subset_id INTEGER PRIMARY KEY, dataset_id INTEGER NOT NULL REFERENCES dataset,
  spec TEXT NOT NULL, n INTEGER NOT NULL CHECK(n > 0), sha TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE subset_item(
  subset_id INTEGER NOT NULL REFERENCES subset, pos INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  PRIMARY KEY(subset_id, pos)) STRICT, WITHOUT ROWID;

-- `impl` goes up when an algorithm's output changes; nothing else then has to run again.
CREATE TABLE noise(
  noise_id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK(kind IN ('clean','system','natural','sequence','adversarial','worst')),
  name TEXT NOT NULL, impl INTEGER NOT NULL,
  UNIQUE(kind, name, impl)) STRICT;
CREATE TABLE condition(
  cond_id INTEGER PRIMARY KEY, noise_id INTEGER NOT NULL REFERENCES noise,
  label TEXT NOT NULL,                   -- the line as one types it, defaults left out
  severity INTEGER CHECK(severity >= 1),
  norm TEXT CHECK(norm IN ('Linf','L2','L1','L0')),
  eps REAL CHECK(eps >= 0),
  params TEXT NOT NULL CHECK(json_valid(params)), -- canonical JSON, defaults included
  params_sha TEXT NOT NULL,
  UNIQUE(noise_id, params_sha)) STRICT;
-- What a condition of kind 'worst' is the per-sample worst over.
CREATE TABLE worst_member(
  cond_id INTEGER NOT NULL REFERENCES condition,
  member_id INTEGER NOT NULL REFERENCES condition,
  PRIMARY KEY(cond_id, member_id)) STRICT, WITHOUT ROWID;

-- `started` never goes down within a file, even when the clock does.
CREATE TABLE run(
  run_id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE,
  parent_id INTEGER REFERENCES run(run_id),
  shard INTEGER NOT NULL, n_shards INTEGER NOT NULL,
  env_id INTEGER NOT NULL REFERENCES env,
  suite TEXT NOT NULL, suite_sha TEXT NOT NULL, config TEXT NOT NULL,
  seed INTEGER NOT NULL, argv TEXT NOT NULL,
  process TEXT NOT NULL,                 -- pid and its start: is a 'running' run alive?
  started TEXT NOT NULL, finished TEXT,
  status TEXT NOT NULL CHECK(status IN ('running','done','failed','interrupted')),
  exit_code INTEGER) STRICT;

-- One model under one condition on one subset: what is computed, committed and cached.
CREATE TABLE cell(
  cell_id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run, -- that computed it
  model_id INTEGER NOT NULL REFERENCES model,
  dataset_id INTEGER NOT NULL REFERENCES dataset,
  cond_id INTEGER NOT NULL REFERENCES condition,
  source_id INTEGER REFERENCES model(model_id), -- whom a transfer attack looked at
  subset_id INTEGER NOT NULL REFERENCES subset,
  key TEXT NOT NULL,                     -- SHA-256 of all that can change the numbers
  status TEXT NOT NULL CHECK(status IN ('done','failed','timeout','skipped')),
  error TEXT,
  n INTEGER NOT NULL, n_ok INTEGER NOT NULL, n_ok5 INTEGER,
  n_clean_ok INTEGER, n_lost INTEGER, n_won INTEGER, -- against clean, sample by sample
  n_unread INTEGER NOT NULL,             -- samples that did not decode: counted as wrong
  ece REAL, mean_conf REAL,              -- 15 equal bins of confidence
  forwards INTEGER NOT NULL, backwards INTEGER NOT NULL,
  zero_grad REAL, max_pert REAL, mean_dist REAL,
  wall_s REAL NOT NULL, cpu_s REAL NOT NULL, rss_kb INTEGER,
  finished TEXT NOT NULL,
  UNIQUE(run_id, key),
  CHECK(status <> 'done' OR (n > 0 AND n_ok BETWEEN 0 AND n))) STRICT;
CREATE INDEX cell_key ON cell(key, status);
CREATE INDEX cell_lookup ON cell(model_id, subset_id, cond_id);

-- Predictions, as JSON arrays in the subset's order; -1 is a sample that did not decode.
-- The order of columns matters: what is read most lies first.
CREATE TABLE pred(
  cell_id INTEGER PRIMARY KEY REFERENCES cell ON DELETE CASCADE,
  top1 TEXT NOT NULL CHECK(json_valid(top1)),
  rank TEXT CHECK(rank IS NULL OR json_valid(rank)),       -- of the true class; 0 is best
  margin TEXT CHECK(margin IS NULL OR json_valid(margin)), -- z_y - max other z
  queries TEXT CHECK(queries IS NULL OR json_valid(queries)),
  dist TEXT CHECK(dist IS NULL OR json_valid(dist)),
  broken_by TEXT CHECK(broken_by IS NULL OR json_valid(broken_by)),
  conf TEXT CHECK(conf IS NULL OR json_valid(conf))) STRICT; -- of clean cells: softmax of top1
-- The same correctness as one bit a sample (bit i%8 of byte i/8), so that statistics over
-- thousands of cells need not read megabytes of JSON. doctor checks that both agree.
CREATE TABLE bits(
  cell_id INTEGER PRIMARY KEY REFERENCES cell ON DELETE CASCADE,
  ok BLOB NOT NULL) STRICT;

-- Perturbation sequences: how a network takes the frames of each picture. A cell's own
-- numbers are then those of every picture's worst frame, so that `acc` is the share of
-- pictures right in all frames. `flips` and `spread` are JSON arrays in the subset's order,
-- null where a picture failed: over `pairs` pairs of frames, how many have two classes, and
-- the sum of the distances of their five highest (null below five classes); the two
-- columns before are their means over pictures and pairs.
CREATE TABLE sequence(
  cell_id INTEGER PRIMARY KEY REFERENCES cell ON DELETE CASCADE,
  pairs INTEGER NOT NULL CHECK(pairs > 0),
  flip_rate REAL, top5_distance REAL,
  flips TEXT NOT NULL CHECK(json_valid(flips)),
  spread TEXT NOT NULL CHECK(json_valid(spread))) STRICT;

CREATE TABLE flag(
  cell_id INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE, code TEXT NOT NULL,
  value REAL, message TEXT NOT NULL,
  PRIMARY KEY(cell_id, code)) STRICT, WITHOUT ROWID;
CREATE TABLE failure(
  cell_id INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE, pos INTEGER NOT NULL,
  stage TEXT NOT NULL, message TEXT NOT NULL,
  PRIMARY KEY(cell_id, pos)) STRICT, WITHOUT ROWID;

-- What else a cell's computation measured. Attacks that search the smallest distance:
-- median_distance over the clean-correct samples, infinite where most held. NDG-1, of its
-- pre-flight on the clean samples: gradient_fidelity, change (of a logit between two
-- forwards, the largest), shares zero_gradient_ce, _margin and _dlr, saturated and softmax,
-- and step_NAME: 1 where that step of the protocol was possible.
CREATE TABLE measure(
  cell_id INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE, name TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY(cell_id, name)) STRICT, WITHOUT ROWID;

-- Which cells a run is made of: computed by it, found finished, or computed again to see
-- whether the bytes still come out the same.
CREATE TABLE run_cell(
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  cell_id INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE,
  role TEXT NOT NULL CHECK(role IN ('computed','reused','canary')),
  wall_s REAL, cpu_s REAL, rss_kb INTEGER, -- of this run; NULL when reused
  PRIMARY KEY(run_id, cell_id)) STRICT, WITHOUT ROWID;
CREATE INDEX run_cell_cell ON run_cell(cell_id);

CREATE TABLE checkpoint(
  key TEXT PRIMARY KEY, json TEXT NOT NULL CHECK(json_valid(json)),
  saved TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Error rates of a reference network, for mCE; severity 0 is its clean error.
CREATE TABLE baseline(
  name TEXT NOT NULL, corruption TEXT NOT NULL, severity INTEGER NOT NULL,
  err REAL NOT NULL,
  PRIMARY KEY(name, corruption, severity)) STRICT, WITHOUT ROWID;
-- Runs that nightly comparisons are pinned to.
CREATE TABLE pin(
  name TEXT PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run) STRICT, WITHOUT ROWID;

-- A comparison of two cells, sample by sample: n10 is right in a and wrong in b.
CREATE TABLE comparison(
  a INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE,
  b INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE,
  n11 INTEGER NOT NULL, n10 INTEGER NOT NULL, n01 INTEGER NOT NULL, n00 INTEGER NOT NULL,
  p REAL NOT NULL,
  verdict TEXT NOT NULL CHECK(verdict IN ('identical','same','better','worse')),
  PRIMARY KEY(a, b)) STRICT, WITHOUT ROWID;
CREATE TABLE metric(
  run_id INTEGER NOT NULL REFERENCES run, model_id INTEGER NOT NULL REFERENCES model,
  subset_id INTEGER NOT NULL REFERENCES subset, name TEXT NOT NULL,
  value REAL NOT NULL, lo REAL, hi REAL, method TEXT NOT NULL,
  PRIMARY KEY(run_id, model_id, subset_id, name)) STRICT, WITHOUT ROWID;

-- A finished cell never changes, but for one thing: a shard that had no clean cell learns
-- what it lost against clean when it is merged with the one that has.
CREATE TRIGGER cell_frozen BEFORE UPDATE ON cell WHEN OLD.status = 'done' AND (
  OLD.n_clean_ok IS NOT NULL OR NEW.n_clean_ok IS NULL OR
  (NEW.cell_id, NEW.run_id, NEW.model_id, NEW.dataset_id, NEW.cond_id, NEW.subset_id,
   NEW.key, NEW.status, NEW.n, NEW.n_ok) <>
  (OLD.cell_id, OLD.run_id, OLD.model_id, OLD.dataset_id, OLD.cond_id, OLD.subset_id,
   OLD.key, OLD.status, OLD.n, OLD.n_ok))
BEGIN SELECT RAISE(ABORT, 'finished cells are append-only'); END;
CREATE TRIGGER pred_length BEFORE INSERT ON pred
WHEN EXISTS (SELECT 1 FROM cell WHERE cell_id = NEW.cell_id AND (
  n <> json_array_length(NEW.top1) OR n <> ifnull(json_array_length(NEW.rank), n) OR
  n <> ifnull(json_array_length(NEW.margin), n) OR
  n <> ifnull(json_array_length(NEW.queries), n) OR
  n <> ifnull(json_array_length(NEW.dist), n) OR
  n <> ifnull(json_array_length(NEW.broken_by), n) OR
  n <> ifnull(json_array_length(NEW.conf), n)))
BEGIN SELECT RAISE(ABORT, 'a prediction vector has not n entries'); END;
CREATE TRIGGER bits_length BEFORE INSERT ON bits
WHEN length(NEW.ok) <> (SELECT (n + 7) / 8 FROM cell WHERE cell_id = NEW.cell_id)
BEGIN SELECT RAISE(ABORT, 'a bit vector has not n bits'); END;

-- Finished cells with the names of all they are made of.
CREATE VIEW cell_named AS
SELECT c.cell_id, c.run_id, c.model_id, c.dataset_id, c.subset_id, c.cond_id, c.source_id,
  m.name AS model, m.variant, m.precision, d.name AS dataset, d.split, u.spec AS subset,
  z.kind, z.name AS noise, q.label AS condition, q.severity, q.norm, q.eps,
  (SELECT s.name FROM model s WHERE s.model_id = c.source_id) AS source,
  (SELECT max(r.started) FROM run_cell x JOIN run r USING(run_id)
    WHERE x.cell_id = c.cell_id) AS used
FROM cell c CROSS JOIN model m USING(model_id) CROSS JOIN dataset d ON d.dataset_id = c.dataset_id
  CROSS JOIN subset u ON u.subset_id = c.subset_id CROSS JOIN condition q USING(cond_id)
  CROSS JOIN noise z USING(noise_id)
WHERE c.status = 'done';

-- The current cell of every (model, dataset, subset, condition). A board row is one file on
-- one set of samples, the pair used last under its names; of one condition line, the cell
-- used last counts, so that a new implementation of a noise supersedes the old.
CREATE VIEW latest AS
SELECT * FROM (
  SELECT *, row_number() OVER (PARTITION BY model_id, subset_id, kind, condition,
      ifnull(source_id, 0) ORDER BY used DESC, cell_id DESC) AS newest
  FROM (SELECT *, first_value(model_id || ':' || subset_id) OVER (
      PARTITION BY model, variant, dataset, split, subset
      ORDER BY used DESC, cell_id DESC) AS file_and_samples FROM cell_named)
  WHERE file_and_samples = model_id || ':' || subset_id)
WHERE newest = 1;

-- One row per current cell: what boards are made of. Accuracies are shares (0..1) with
-- Wilson's 95 % interval; delta is against clean on the same samples with its paired
-- standard error; kept is the share of the clean-correct samples that stayed correct.
CREATE VIEW result AS
SELECT model, variant, precision, dataset, subset, kind, noise, condition, severity, eps,
  n, 1.0 * n_ok / n AS acc,
  max(0.0, (n_ok + 1.920729) / (n + 3.841459)
    - 1.959964 * sqrt(1.0 * n_ok * (n - n_ok) / n + 0.960365) / (n + 3.841459)) AS lo95,
  min(1.0, (n_ok + 1.920729) / (n + 3.841459)
    + 1.959964 * sqrt(1.0 * n_ok * (n - n_ok) / n + 0.960365) / (n + 3.841459)) AS hi95,
  1.0 * (n_won - n_lost) / n AS delta,
  sqrt(max(0, n_won + n_lost - 1.0 * (n_won - n_lost) * (n_won - n_lost) / n)) / n
    AS delta_se,
  CASE WHEN n_clean_ok > 0 THEN 1.0 * (n_clean_ok - n_lost) / n_clean_ok END AS kept,
  (SELECT group_concat(code, ' ') FROM flag WHERE flag.cell_id = latest.cell_id) AS flags,
  norm, source, 1.0 * n_ok5 / n AS acc5, ece, n_unread, forwards, backwards, cpu_s, wall_s,
  finished, latest.cell_id, latest.run_id, latest.model_id, latest.subset_id, latest.cond_id
FROM latest JOIN cell USING(cell_id);

-- Cells under attack. Conditions that differ in eps alone are one `attack`; attacks that
-- search the smallest distance have a median.
CREATE VIEW attacked AS
SELECT *, rtrim(substr(condition, 1, at - 1) || substr(tail, instr(tail, ' '))) AS attack,
  (SELECT value FROM measure WHERE measure.cell_id = cut.cell_id
    AND name = 'median_distance') AS median
FROM (SELECT *, instr(condition, ' eps=') AS at,
    substr(condition, instr(condition, ' eps=') + 5) || ' ' AS tail
  FROM result WHERE kind = 'adversarial') AS cut
WHERE at > 0;
-- Accuracy against radius. An attack that searches the smallest distance gives a value at
-- every radius of its norm that these samples have met.
CREATE VIEW curve AS
SELECT model, variant, precision, dataset, subset, attack, norm, source, eps, n, acc,
  median, cell_id, model_id, subset_id
FROM attacked WHERE median IS NULL
UNION ALL
SELECT model, variant, precision, dataset, subset, attack, w.norm, source, g.eps, n,
  (SELECT avg(ifnull(j.value, 0) > g.eps) FROM pred p CROSS JOIN json_each(p.dist) j
    WHERE p.cell_id = w.cell_id), max(median), w.cell_id, model_id, w.subset_id
FROM attacked w JOIN (SELECT DISTINCT subset_id, norm, eps FROM attacked) g
  ON g.subset_id = w.subset_id AND g.norm = w.norm
WHERE median IS NOT NULL
GROUP BY model_id, w.subset_id, attack, ifnull(source, ''), g.eps;

-- Cells that have no number: the last attempt at each.
CREATE VIEW failed AS
SELECT m.name AS model, m.variant, d.name AS dataset, u.spec AS subset,
  q.label AS condition, c.status, c.error, c.finished, c.cell_id, c.run_id
FROM cell c JOIN model m USING(model_id) JOIN dataset d ON d.dataset_id = c.dataset_id
  JOIN subset u ON u.subset_id = c.subset_id JOIN condition q USING(cond_id)
WHERE c.status <> 'done'
  AND NOT EXISTS (SELECT 1 FROM cell e WHERE e.key = c.key
    AND (e.status = 'done' OR e.cell_id > c.cell_id));

-- Corruption errors against a baseline network. `context` is the rest of the condition's
-- line: '*' for the corruption alone, 'store=jpeg85 + *' for files as published.
CREATE VIEW ce AS
SELECT r.model, r.variant, r.precision, r.dataset, r.subset, b.name AS baseline,
  replace(r.condition, r.noise || ':' || r.severity, '*') AS context, r.noise,
  sum(1 - r.acc) / sum(b.err) AS ce,
  sum(-r.delta) / sum(b.err - k.err) AS relative_ce, count(*) AS n_severities
FROM result r JOIN baseline b ON b.corruption = r.noise AND b.severity = r.severity
  JOIN baseline k ON k.name = b.name AND k.corruption = 'clean'
WHERE r.kind = 'natural'
GROUP BY r.model_id, r.subset_id, b.name, context, r.noise;
CREATE VIEW mce AS
SELECT model, variant, precision, dataset, subset, baseline, context,
  100 * avg(ce) AS mce, 100 * avg(relative_ce) AS relative_mce,
  count(*) AS n_corruptions
FROM ce WHERE n_severities = 5
GROUP BY model, variant, dataset, subset, baseline, context;

-- Stability over sequences, and relative to any other network on the same pictures, which
-- takes AlexNet's place: mFR and mT5D are means over the ten sequences of ImageNet-P of
-- 100 times the ratios of flip rates and of top-5 distances.
CREATE VIEW stability AS
SELECT model, variant, precision, dataset, subset, noise AS sequence,
  severity AS difficulty, condition, n, acc AS right_in_all, flip_rate, top5_distance,
  pairs, cell_id, model_id, subset_id
FROM result JOIN sequence USING(cell_id);
CREATE VIEW mfr AS
SELECT a.model, a.variant, a.precision, a.dataset, a.subset, b.model AS baseline,
  b.variant AS baseline_variant, a.difficulty,
  100 * avg(a.flip_rate / b.flip_rate) AS mfr,
  100 * avg(a.top5_distance / b.top5_distance) AS mt5d, count(*) AS n_sequences
FROM stability a JOIN stability b ON b.subset_id = a.subset_id AND b.condition = a.condition
WHERE a.condition IN (a.sequence, a.sequence || ':' || a.difficulty) AND a.sequence IN (
  'gaussian_noise-p', 'shot_noise-p', 'motion_blur-p', 'zoom_blur-p', 'snow-p',
  'brightness-p', 'translate-p', 'rotate-p', 'tilt-p', 'scale-p')
GROUP BY a.model_id, a.subset_id, b.model_id, a.difficulty
HAVING count(a.flip_rate / b.flip_rate) = count(*);

-- Compressed networks beside their full-precision twins, same samples, same condition.
-- `cost` is accuracy lost; `robustness_cost` is how much more is lost than when clean.
CREATE VIEW twin AS
SELECT q.model, q.variant, q.precision, f.model AS twin, q.dataset, q.subset, q.kind,
  q.noise, q.condition, q.severity, q.n, q.acc, f.acc AS twin_acc, f.acc - q.acc AS cost,
  f.delta - q.delta AS robustness_cost, q.flags, q.cell_id, f.cell_id AS twin_cell_id
FROM result q JOIN model m ON m.model_id = q.model_id
  JOIN result f ON f.model_id = m.twin_id AND f.subset_id = q.subset_id
    AND f.kind = q.kind AND f.condition = q.condition;

-- One row per sample of a cell. CROSS JOIN fixes the order of the loops: the planner's own
-- would parse the vector once per sample. Ask with a cell_id, or MATERIALIZE both sides.
CREATE VIEW pred_row AS
SELECT c.cell_id, c.model_id, c.cond_id, c.run_id, j.key AS pos, s.idx, s.key, s.label,
  j.value AS top1, j.value = s.label AS ok
FROM cell c CROSS JOIN pred p ON p.cell_id = c.cell_id CROSS JOIN json_each(p.top1) j
  CROSS JOIN subset_item u ON u.subset_id = c.subset_id AND u.pos = j.key
  CROSS JOIN sample s ON s.dataset_id = c.dataset_id AND s.idx = u.idx;

-- Every number of every run, with the change since the run before. Names are numbered
-- first: half a million rows of thirty nights sort faster by a number than by seven texts.
CREATE VIEW history AS
WITH named AS MATERIALIZED (
  SELECT cell_id, dense_rank() OVER (ORDER BY model, variant, dataset, split, subset, kind,
    condition, source) AS name FROM cell_named),
used AS (
  SELECT x.run_id, x.cell_id, x.role, x.wall_s, x.cpu_s, r.started,
    lag(x.cell_id) OVER (PARTITION BY name ORDER BY r.started, r.run_id, x.cell_id)
      AS previous_cell_id
  FROM named CROSS JOIN run_cell x ON x.cell_id = named.cell_id
    CROSS JOIN run r ON r.run_id = x.run_id)
SELECT n.model, n.variant, n.dataset, n.subset, n.kind, n.noise, n.condition,
  used.run_id, used.started, used.role, 100.0 * c.n_ok / c.n AS acc_pct,
  100.0 * c.n_ok / c.n - 100.0 * p.n_ok / p.n AS change_pp,
  used.wall_s, used.cpu_s, used.cell_id, used.previous_cell_id
FROM used CROSS JOIN cell c ON c.cell_id = used.cell_id
  CROSS JOIN cell_named n ON n.cell_id = used.cell_id
  LEFT JOIN cell p ON p.cell_id = used.previous_cell_id;

-- AlexNet on ImageNet-C (Hendrycks & Dietterich, ICLR 2019): one minus torchvision's
-- clean top-1 of 56.55 %, then errors by corruption and severity as the authors' own
-- tables and many repositories give them.
INSERT INTO baseline VALUES('alexnet', 'clean', 0, 0.4345);
WITH published(corruption, e1, e2, e3, e4, e5) AS (VALUES
  ('gaussian_noise',    0.69528, 0.82542, 0.93554, 0.98138, 0.99452),
  ('shot_noise',        0.71224, 0.85108, 0.93574, 0.98182, 0.99146),
  ('impulse_noise',     0.78374, 0.89808, 0.94870, 0.98720, 0.99548),
  ('defocus_blur',      0.65624, 0.73202, 0.85036, 0.91364, 0.94714),
  ('glass_blur',        0.64308, 0.75054, 0.88806, 0.91622, 0.93344),
  ('motion_blur',       0.58430, 0.70048, 0.82108, 0.89750, 0.92638),
  ('zoom_blur',         0.70008, 0.76992, 0.80784, 0.84198, 0.87198),
  ('snow',              0.71726, 0.88392, 0.86468, 0.91870, 0.94952),
  ('frost',             0.61390, 0.79734, 0.88790, 0.89942, 0.93430),
  ('fog',               0.67474, 0.76050, 0.84378, 0.87260, 0.94500),
  ('brightness',        0.45140, 0.48502, 0.54048, 0.62166, 0.72440),
  ('contrast',          0.64548, 0.76150, 0.88874, 0.97760, 0.99270),
  ('elastic_transform', 0.52596, 0.70116, 0.55686, 0.64076, 0.80554),
  ('pixelate',          0.52218, 0.54620, 0.73728, 0.87092, 0.91262),
  ('jpeg_compression',  0.51002, 0.54718, 0.57294, 0.65458, 0.74778))
INSERT INTO baseline
SELECT 'alexnet', corruption, 1, e1 FROM published UNION ALL
SELECT 'alexnet', corruption, 2, e2 FROM published UNION ALL
SELECT 'alexnet', corruption, 3, e3 FROM published UNION ALL
SELECT 'alexnet', corruption, 4, e4 FROM published UNION ALL
SELECT 'alexnet', corruption, 5, e5 FROM published;
