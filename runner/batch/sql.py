"""Every statement that the ledger's file is asked with, by name. `:owner` is the runner that asks.

The file outlives versions of this project: a table or column that is there keeps its name.
"""

from __future__ import annotations

TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runners (owner TEXT PRIMARY KEY, host TEXT, pid INTEGER, beat REAL);
CREATE TABLE IF NOT EXISTS processes (owner TEXT PRIMARY KEY, started TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, stem TEXT UNIQUE COLLATE NOCASE NOT NULL, title TEXT NOT NULL,
    grp TEXT NOT NULL, category TEXT NOT NULL, vals TEXT NOT NULL, images TEXT NOT NULL, seed INTEGER,
    state TEXT NOT NULL DEFAULT 'waiting', owner TEXT, prompt_id TEXT, replaces TEXT NOT NULL DEFAULT '[]', server TEXT,
    exit_code INTEGER, error TEXT, sidecar TEXT, files TEXT NOT NULL DEFAULT '[]', warnings TEXT NOT NULL DEFAULT '[]',
    submitted_at REAL, ended_at REAL, metrics TEXT NOT NULL DEFAULT '{}');
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, id);
CREATE VIEW IF NOT EXISTS held AS SELECT id, owner FROM jobs
    WHERE state IN ('claimed', 'submitted', 'running', 'saving');
CREATE TABLE IF NOT EXISTS changes (job INTEGER NOT NULL, at REAL NOT NULL, state TEXT NOT NULL, prompt_id TEXT,
    owner TEXT, note TEXT);
CREATE TABLE IF NOT EXISTS formers (key TEXT PRIMARY KEY, job INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS places (owner TEXT NOT NULL, server TEXT NOT NULL, PRIMARY KEY (owner, server));
CREATE TABLE IF NOT EXISTS unfit (job INTEGER NOT NULL, owner TEXT NOT NULL, server TEXT NOT NULL, label TEXT NOT NULL,
    why TEXT NOT NULL, exit_code INTEGER NOT NULL, PRIMARY KEY (job, owner, server)) WITHOUT ROWID;
"""
"""`formers` are the keys under which a job was asked for before it was cut out in another way; `places` the workers of
each runner, `unfit` the incompatibilities between a job and one of them."""

# what the batch is made with

FACTS = "SELECT name, value FROM facts"
ADD_FACT = "INSERT OR IGNORE INTO facts (name, value) VALUES (:name, :value)"

# runners and their workers

BEAT = """
INSERT INTO runners (owner, host, pid, beat) VALUES (:owner, :host, :pid, :now)
    ON CONFLICT (owner) DO UPDATE SET beat = excluded.beat
"""
ADD_PROCESS = "INSERT OR IGNORE INTO processes (owner, started) VALUES (:owner, :started)"
RUNNERS = """
SELECT runners.owner, host, pid, beat, COALESCE(started, '') AS started FROM runners LEFT JOIN processes USING (owner)
"""
ADD_WORKER = "INSERT OR IGNORE INTO places (owner, server) VALUES (:owner, :server)"
OWNERS_OF_WORKERS = "SELECT DISTINCT owner FROM places"
FORGET_RUNNER = tuple(
    f"DELETE FROM {table} WHERE owner = :owner"  # noqa: S608 - fixed names
    for table in ("runners", "processes", "places", "unfit")
)

# which worker cannot run what

ADD_INCOMPATIBILITY = """
INSERT OR REPLACE INTO unfit (job, owner, server, label, why, exit_code)
    VALUES (:job, :owner, :server, :label, :why, :exit_code)
"""
INCOMPATIBILITIES = "SELECT label, why, exit_code FROM unfit WHERE job = :job"
COUNT_WORKERS = "SELECT COUNT(*) FROM places WHERE owner IN (SELECT value FROM json_each(:living))"
RUN_NOWHERE = """
SELECT * FROM jobs WHERE (id = :job OR :job IS NULL AND state = 'waiting')
    AND (SELECT COUNT(*) FROM unfit JOIN places USING (owner, server)
         WHERE job = jobs.id AND owner IN (SELECT value FROM json_each(:living))) >= :workers
"""
"""The waiting jobs (or one, in any state) that none of the `workers` workers of living runners can run."""

# jobs

ALL_JOBS = "SELECT * FROM jobs ORDER BY id"
JOBS_IN_STATE = "SELECT * FROM jobs WHERE state = :state ORDER BY id"
JOB = "SELECT * FROM jobs WHERE id = :job"
STEMS = "SELECT key, stem FROM jobs"
HELD = "SELECT id, owner FROM held"
OTHERS_AT_WORK = "SELECT DISTINCT host, pid FROM held JOIN runners USING (owner) WHERE owner != :owner"
HELD_BY = "SELECT id FROM held WHERE owner = :owner"
HOLDS = "SELECT 1 FROM held WHERE id = :job AND owner = :owner"
COUNTS = "SELECT state, COUNT(*) AS jobs FROM jobs GROUP BY state"
COUNT_WAITING = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state = 'waiting' LIMIT :most)"
WAITING_WITH_KEY = "SELECT id FROM jobs WHERE key = :key AND state = 'waiting'"

ADD_JOB = """
INSERT INTO jobs (key, stem, title, grp, category, vals, images, seed)
    VALUES (:key, :stem, :title, :group, :category, :values, :images, :seed)
"""
FORMERS = "SELECT key, job FROM formers"
ADD_FORMER = "INSERT OR REPLACE INTO formers (key, job) VALUES (:key, :job)"
FORGET_FORMER = "DELETE FROM formers WHERE key = :key"
ASK_OTHERWISE = """
UPDATE jobs SET key = :key, vals = :values, images = :images, seed = :seed WHERE id = :job
"""
RENAME_KEY = "UPDATE jobs SET key = :key WHERE key = :former_key"

CLAIMABLE = """
SELECT * FROM jobs WHERE state = 'waiting'
    AND NOT EXISTS (SELECT 1 FROM unfit WHERE job = jobs.id AND owner = :owner AND server = :server)
    AND (prompt_id IS NOT NULL AND server = :server OR NOT EXISTS (
        SELECT 1 FROM json_each(:unless) AS rest WHERE NOT EXISTS (
            SELECT 1 FROM unfit WHERE job = jobs.id AND owner = :owner AND server = rest.value)))
    AND NOT (prompt_id IS NOT NULL AND server IN (SELECT value FROM json_each(:others)) AND NOT EXISTS (
        SELECT 1 FROM unfit WHERE job = jobs.id AND owner = :owner AND server = jobs.server))
    ORDER BY id LIMIT 1
"""
"""The next job for a worker: one that it can run; that it had before, or that none of `unless` can run; and that was
not submitted before to one of `others` which can run it."""
MAY_COME = """
SELECT 1 FROM jobs WHERE state = 'waiting'
    AND NOT EXISTS (SELECT 1 FROM unfit WHERE job = jobs.id AND owner = :owner AND server = :server)
UNION ALL SELECT 1 FROM held WHERE id NOT IN (SELECT value FROM json_each(:holding))
LIMIT 1
"""
"""Whether a worker may yet have something to do: a waiting job that it can run, or one that somebody else holds and may
give back."""
SET_OWNER = "UPDATE jobs SET owner = :owner WHERE id = :job"
SET_STATE = "UPDATE jobs SET state = :state WHERE id = :job"
ADD_CHANGE = """
INSERT INTO changes (job, at, state, prompt_id, owner, note)
    SELECT id, :now, :state, prompt_id, :owner, :note FROM jobs WHERE id = :job
"""

SUBMITTED = """
UPDATE jobs SET prompt_id = :prompt_id, replaces = :replaces, server = :server, submitted_at = :now WHERE id = :job
"""
DONE = """
UPDATE jobs SET sidecar = :sidecar, files = :files, warnings = :warnings, metrics = :metrics, ended_at = :now,
    error = NULL, exit_code = NULL, owner = NULL WHERE id = :job
"""
FOUND_DONE = """
UPDATE jobs SET sidecar = :sidecar, files = :files, warnings = :warnings, ended_at = :now WHERE id = :job
"""
FAILED = """
UPDATE jobs SET error = :error, exit_code = :exit_code, metrics = :metrics, ended_at = :now, owner = NULL
    WHERE id = :job
"""
MAKE_AGAIN = """
UPDATE jobs SET prompt_id = NULL, sidecar = NULL, files = '[]', warnings = '[]' WHERE id = :job
"""
TRY_AGAIN = "UPDATE jobs SET prompt_id = NULL, error = NULL, exit_code = NULL WHERE id = :job"
