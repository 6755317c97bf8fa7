#!/usr/bin/env python3
"""Jobs of AI feedback: lp-ai-feedback takes them, lp-ai-worker does them, PostgreSQL has them; each is killed in turn.

ai_jobs.py WORKDIR; LP_BIN: the folder of the programs.
"""

import concurrent.futures
import io
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import wave

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
from ai_jobs_world import FORGED, JOBS, LEARNER, MAIL, OWNERS, PASSWORD, SECRET, SENTENCE, LanguageTool, Program, World  # noqa: E402
from plane import wait_for  # noqa: E402


def the_role_of_the_jobs_cannot_read_users(w):
    """Of auth, on the same server; all else here is done as that role."""
    w.postgres.admin("auth", "CREATE TABLE users (id int, email text); INSERT INTO users VALUES (1, 'ann@example.org')")
    asked = subprocess.run(["psql", "-qAtX", w.postgres.url("auth"), "-c", "SELECT email FROM users"], capture_output=True, text=True, check=False)
    assert asked.returncode == 1 and "permission denied for table users" in asked.stderr and not asked.stdout, asked
    assert w.postgres.sql("SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = current_user") == "f"


def without_a_database_the_answer_names_the_field(w):
    lone = Program(w.work, "lp-ai-feedback", "lone")
    for method, path in (("POST", "/pronunciation"), ("GET", "/jobs/0"), ("DELETE", "/jobs/0")):
        status, _, answer = lone.ask(method, path, "ann")
        assert status == 503 and "spec.services.aiWorker" in answer["error"] and "DATABASE_URL" in answer["error"], (path, answer)
    status, _, answer = lone.ask("POST", "/speech2text", "ann", {"text": "i has a dog."}, Prefer="respond-async")
    assert status == 200 and answer["sentence_pairs"], answer
    assert lone.end(signal.SIGTERM) == 0


def a_job_is_its_owners_and_goes_when_they_say_so(w):
    status, heads, answer = w.put("ann", "i has a dog", Idempotency_Key="k1")
    assert status == 202 and heads["Location"] == f"jobs/{answer['jobId']}" and heads["Preference-Applied"] == "respond-async", (status, answer)
    path = f"/jobs/{answer['jobId']}"
    assert w.put("ann", "i has a dog", Idempotency_Key='"k1"')[2] == answer
    assert w.put("ann", "i has a cat", Idempotency_Key="k1")[0] == 422
    status, _, job = w.service.ask("GET", path, "ann")
    assert status == 200 and job["state"] == "queued" and "result" not in job, job
    for method in ("GET", "DELETE"):
        assert w.service.ask(method, path, "bob")[0] == 404
        assert w.service.send(method, path)[0] == 401
    assert w.service.metric('lp_calls_awaiting_upstream{upstream="ai-worker"}') == 1, "the operator hears that a worker is needed"
    assert [j["jobId"] for j in w.service.ask("GET", "/data/ann", "ann")[2]["jobs"]] == [answer["jobId"]]
    assert w.service.ask("DELETE", path, "ann")[0] == 200
    assert w.service.ask("GET", path, "ann")[0] == 404
    w.put("ann", "i has a dog")
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 1


def at_sigterm_a_worker_gives_back_what_it_has(w):
    assert w.put("long", (SENTENCE + " ") * 2000)[0] == 202
    worker = w.worker()
    wait_for("the job is taken", 30, lambda: w.postgres.sql("SELECT state FROM jobs") == "running")
    assert worker.end(signal.SIGTERM) == 0
    assert w.postgres.sql("SELECT state, attempts FROM jobs") == "queued|0"
    assert w.service.ask("DELETE", "/data/long", "long")[2]["deleted"] == 1


def what_holds_no_word_is_a_dead_letter_with_its_reason(w):
    w.workers[0].start()
    _, _, answer = w.put("ann", " \n ")
    job = wait_for("it fails", 30, lambda: [j for j in [w.service.ask("GET", f"/jobs/{answer['jobId']}", "ann")[2]] if j["state"] == "failed"])[0]
    assert "no word" in job["reason"] and job["attempts"] == 1, job
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 1
    assert w.workers[0].end(signal.SIGTERM) == 0


def wave_of(seconds, rate=16000, channels=1):
    """A WAV file of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as to:
        to.setnchannels(channels)
        to.setsampwidth(2)
        to.setframerate(rate)
        to.writeframes(bytes(2 * channels * int(seconds * rate)))
    return out.getvalue()


def a_recording_is_a_job_of_its_owner_and_goes_with_it(w):
    said = wave_of(1)
    form = [("text", "Good morning."), ("audio", said), ("l1", "id"), ("level", "a2"), ("other", "x")]
    status, heads, answer = w.speak("ann", form, Idempotency_Key="r1")
    assert status == 202 and heads["Location"] == f"jobs/{answer['jobId']}" and "Preference-Applied" not in heads, (status, answer)
    assert w.speak("ann", form, Idempotency_Key="r1")[2] == answer
    assert w.speak("ann", [form[0], ("audio", said + b"x")], Idempotency_Key="r1")[0] == 422
    path = f"/jobs/{answer['jobId']}"
    status, _, job = w.service.ask("GET", path, "ann")
    assert status == 200 and job["kind"] == "pronunciation" and job["state"] == "queued" and job["recordingBytes"] == len(said), job
    assert w.service.ask("GET", path, "bob")[0] == 404 and w.service.ask("DELETE", path, "bob")[0] == 404
    assert w.service.metric('lp_calls_awaiting_upstream{upstream="ai-worker"}') == 1
    status, _, raw = w.service.tell("POST", "/pronunciation?text=Good%20morning.&l1=es", "ann", said, "audio/wav")
    assert status == 202, raw
    assert w.postgres.sql("SELECT l1, level, learner, text, octet_length(audio) FROM jobs ORDER BY created_at") == \
        f"id|A2||Good morning.|{len(said)}\nes|||Good morning.|{len(said)}"
    status, _, own = w.speak("ann", [*form, ("userId", "ann")])
    assert status == 202 and w.postgres.sql("SELECT count(*) FROM jobs WHERE learner = '\"ann\"'") == "1", own
    assert w.service.ask("DELETE", path, "ann")[0] == 200
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 2
    assert w.postgres.sql("SELECT count(*) FROM jobs") == "0"


def a_recording_that_is_none_is_told_the_field_and_the_limit(w):
    said, text = ("audio", wave_of(0.1)), ("text", "Hello.")
    for fields, status, part in [([text], 400, "audio is required"), ([said], 400, "text is required"), ([], 400, "audio is required"),
                                 ([text, ("audio", b"")], 400, "audio is no WAV"), ([text, ("audio", b"ID3\0 some music")], 400, "RIFF"),
                                 ([text, ("audio", wave_of(30.1))], 400, "480000 at most: 30 s at 16000 Hz"),
                                 ([text, ("audio", wave_of(1, 96000))], 400, "sample rate is 96000"), ([text, ("audio", said[1][:-1])], 400, "RIFF length"),
                                 ([said, ("text", "")], 400, "text has no word"), ([said, ("text", "a" * 2001)], 400, "2000 at most"),
                                 ([said, ("text", b"a \xff")], 400, "UTF-8"), ([said, ("text", b"a\0")], 400, "byte 1 is one"),
                                 ([said, ("text", "In 1990.")], 400, "the digit 1"), ([said, text, ("l1", "x")], 400, "l1 must be"),
                                 ([said, text, ("l1", "i d")], 400, "l1 must be"), ([said, text, ("level", "A7")], 400, "level is \"A7\""),
                                 ([said, text, ("userId", "u" * 129)], 400, "userId must have 1 to 128"), ([said, text, ("userId", "bob")], 403, "your own"),
                                 ([(f"n{i}", "") for i in range(17)], 400, "over 16 parts"),
                                 ([text, ("audio", said[1] + bytes(5_825_537 - len(said[1])))], 413, "5825537 bytes, 5825536 at most"),
                                 ([text, ("audio", said[1] + bytes(6_000_000))], 413, "a recording 5.8 MB")]:
        got, _, answer = w.speak("ann", fields)
        assert got == status and part in answer["error"], (got, answer, fields[0][0] if fields else None)
    for content_type, status in (("application/json", 415), ("multipart/mixed; boundary=b", 415), ("audio/mpeg", 415), ("audio/wav", 400)):
        assert w.service.tell("POST", "/pronunciation?text=a", "ann", b"{}", content_type)[0] == status, content_type
    assert w.service.send("POST", "/pronunciation", said[1], {"Content-Type": "audio/wav"})[0] == 401
    assert w.postgres.sql("SELECT count(*) FROM jobs") == "0"


def recordings_of_one_learner_have_a_bound(w):
    largest = ("audio", wave_of(30, 48000, 2))
    answers = [w.speak("ann", [("text", f"Text {letter}."), largest]) for letter in "abc"]
    assert [a[0] for a in answers] == [202, 202, 429] and "12 MB" in answers[2][2]["error"] and answers[2][1]["Retry-After"], answers[2][2]
    assert w.speak("bob", [("text", "Text."), largest])[0] == 202
    assert w.put("ann", "A text has room.")[0] == 202
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 3 and w.service.ask("DELETE", "/data/bob", "bob")[2]["deleted"] == 1


def is_as_documented(job):
    """A job that was asked for is as docs/openapi/ai-feedback.json has it."""
    api = json.loads((HERE.parent.parent / "docs/openapi/ai-feedback.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator({"$ref": "#/components/schemas/Job", "components": api["components"]}).validate(job)
    return True


def read_aloud(w, text):
    """What flite makes of a text."""
    path = w.work / "said.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", path], check=True)
    return path.read_bytes()


def a_text_read_aloud_is_listened_to_though_the_worker_is_killed_and_its_score_logged_once(w):
    text = "The weather was lovely, so we went for a walk in the park."
    form = [("text", text), ("audio", read_aloud(w, "The weather was lovely, so we went for a walk.")), ("l1", "id"), ("level", "A1"), ("userId", "ann")]
    worker, key = w.worker(), w.speak("ann", form)[2]["jobId"]
    wait_for("it is taken", 30, lambda: w.postgres.sql("SELECT state FROM jobs") in ("running", "done"))
    worker.end(signal.SIGKILL)
    w.postgres.sql("UPDATE jobs SET lease_until = now() WHERE state = 'running'")  # as if 30 s had passed
    worker.start()
    job = w.over("ann", key)
    result = job["result"]
    assert is_as_documented(job) and result["recognitionStatus"] == "Success" and result["engine"] == "local" and result["level"] == "A1" and len(result["hints"]) <= 2, result
    assert [word["word"] for word in result["words"] if word["errorType"] == "Omission"][-2:] == ["the", "park"], result["words"]
    assert w.postgres.sql("SELECT audio IS NULL AND text IS NULL AND kind = 'pronunciation' FROM jobs") == "t"
    wait_for("its score is logged", 60, lambda: w.progress.logged.get(key))
    wait_for("nothing waits", 60, lambda: w.postgres.sql("SELECT count(*) FROM job_scores") == "0")
    logged = w.progress.logged.pop(key)
    assert len(logged) == 1 and logged[0]["activityName"] == "AI pronunciation" and logged[0]["userId"] == "ann", logged
    assert abs(logged[0]["score"] - result["pronScore"]) <= 0.5, (logged, result["pronScore"])
    silent = w.speak("ann", [("text", text), ("audio", wave_of(2)), ("userId", "ann")])[2]["jobId"]
    job_of_silence = w.over("ann", silent)
    assert is_as_documented(job_of_silence) and job_of_silence["result"]["recognitionStatus"] == "NoMatch", job_of_silence
    assert w.postgres.sql("SELECT count(*) FROM job_scores") == "0", "what was not heard has no score"
    status = pathlib.Path(f"/proc/{worker.process.pid}/status").read_text(encoding="utf-8")
    print(f"attempts {job['attempts']}, of the worker {next(line for line in status.splitlines() if line.startswith('VmRSS'))}")
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 2
    assert w.workers.pop().end(signal.SIGTERM) == 0


def a_worker_without_a_speech_model_says_so_and_goes_on(w):
    texts_only = w.work / "model"
    texts_only.mkdir()
    (texts_only / "en-us.lm.bin").symlink_to("/usr/share/pocketsphinx/model/en-us/en-us.lm.bin")
    worker = w.worker(MODEL_DIR=str(texts_only))
    spoken = w.speak("ann", [("text", "Hello."), ("audio", wave_of(1)), ("userId", "ann")])[2]["jobId"]
    text = w.put("ann", "i has a dog")[2]["jobId"]
    job = w.over("ann", spoken, "failed")
    assert job["reason"] == "this worker has no speech model" and job["attempts"] == 1 and "recordingBytes" not in job, job
    assert is_as_documented(job) and is_as_documented(w.over("ann", text))
    assert w.postgres.sql("SELECT count(*) FROM jobs WHERE audio IS NOT NULL OR text IS NOT NULL") == "0"
    assert w.postgres.sql("SELECT count(*) FROM job_scores") == "0"
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 2
    assert worker.end(signal.SIGTERM) == 0
    w.workers.pop()


def a_worker_asks_the_grammar_server_and_says_so_where_it_gives_no_answer(w):
    server = LanguageTool()
    worker = w.worker(GRAMMAR_URL=f"http://127.0.0.1:{server.server_port}", DIALECT="en-GB")
    told = w.over("ann", w.put("ann", server.text)[2]["jobId"])["result"]
    assert told["engine"] == "local+languagetool" and "fallback" not in told, told
    assert "languagetool:ADMIT_ENJOY_VB" in [edit["rule"] for edit in told["sentence_pairs"][0]["edits"]], told
    assert server.asked == [("/v2/check", ["en-GB"], [server.text])], server.asked
    server.shutdown()
    server.server_close()
    told = w.over("ann", w.put("ann", server.text)[2]["jobId"])["result"]
    assert told["engine"] == "local" and told["fallback"] == {"languagetool": "unreachable"}, told
    assert worker.metric('lp_ai_engine_requests_total{engine="languagetool",outcome="answered"}') == 1
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 2
    assert w.workers.pop().end(signal.SIGTERM) == 0


def a_job_that_ends_its_worker_takes_no_other_with_it(w):
    """Who has this text is killed, as if it had ended them, five times; from the second time on nothing is done beside it, though there are two threads.

    The grammar server gives no answer about it, so it is under work until then.
    """
    server = LanguageTool()
    server.held = ["the text that ends", "beside it"]
    bad, beside = (w.put(user, text)[2]["jobId"] for user, text in (("bad", "This is the text that ends them."), ("ann", "This one is beside it.")))
    others = [w.put("ann", f"i has the dog number {n}")[2]["jobId"] for n in range(6)]
    worker = w.worker(WORKERS="2", GRAMMAR_URL=f"http://127.0.0.1:{server.server_port}", GRAMMAR_TIMEOUT="30s")

    def asked(part):
        return sum(part in text[0] for _, _, text in server.asked)

    wait_for("both are under work", 60, lambda: asked("the text that ends") == 1 and asked("beside it") == 1)
    for attempt in range(1, 6):
        wait_for("it is under work", 60, lambda: asked("the text that ends") == attempt)
        if attempt == 2:
            others.append(w.put("ann", "i has a bird")[2]["jobId"])
            renewed = "SELECT lease_until FROM jobs WHERE id = '{}'".format(bad)
            for _ in range(2):  # in which time who is idle looks for a job
                lease = w.postgres.sql(renewed)
                wait_for("its lease is renewed", 30, lambda: w.postgres.sql(renewed) != lease)
            assert asked("a bird") == 0, "another was begun beside it"
        assert w.postgres.sql(f"SELECT attempts FROM jobs WHERE id = '{bad}'") == str(attempt)
        worker.end(signal.SIGKILL)
        server.held = ["the text that ends"]
        w.postgres.sql("UPDATE jobs SET lease_until = now() WHERE state = 'running'")  # as if 30 s had passed
        worker.start()
    job = w.over("bad", bad, "failed")
    assert "each worker that tried this ended" in job["reason"] and job["attempts"] == 5, job
    for key in [beside, *others]:
        assert w.over("ann", key)["attempts"] <= 2
    assert asked("the text that ends") == 5 and asked("beside it") == 2
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 8 and w.service.ask("DELETE", "/data/bad", "bad")[2]["deleted"] == 1
    assert w.workers.pop().end(signal.SIGTERM) == 0
    server.released.set()
    server.shutdown()
    server.server_close()


def the_score_of_a_job_is_logged_under_its_id_as_that_of_an_answer_is_though_the_service_is_killed(w):
    """The progress service has it, but its answer is an error: the service is killed before it knows, and sends it again."""
    body = {"text": "i has a dog. Yesterday i goed to school.", "userId": "ann", "level": "A1"}
    assert w.service.ask("POST", "/speech2text", "ann", body)[0] == 200
    at_once = wait_for("the answer is logged", 30, lambda: list(w.progress.logged.values()))[0][0]
    w.progress.status = 503
    status, _, answer = w.service.ask("POST", "/speech2text", "ann", body, Prefer="respond-async")
    assert status == 202, answer
    w.workers[0].start()
    key = answer["jobId"]
    job = wait_for("it is done", 30, lambda: [j for j in [w.service.ask("GET", f"/jobs/{key}", "ann")[2]] if j["state"] == "done"])[0]
    assert job["result"]["level"] == "A1", job
    wait_for("it is sent", 30, lambda: key in w.progress.logged)
    assert w.service.ask("GET", "/data/ann", "ann")[2]["scores"] == [at_once]
    w.service.end(signal.SIGKILL)
    w.progress.status = 401  # its keys are not ours yet: that is no word about the score
    w.postgres.sql("UPDATE job_scores SET due_at = now()")  # as if the lease of who was killed were over
    w.service.start()
    wait_for("it is sent again and refused", 60, lambda: len(w.progress.logged[key]) >= 2)
    assert w.postgres.sql("SELECT count(*) FROM job_scores") == "1"
    w.progress.status = 200
    w.postgres.sql("UPDATE job_scores SET due_at = now()")
    wait_for("nothing waits", 60, lambda: w.postgres.sql("SELECT count(*) FROM job_scores") == "0")
    assert all(body == at_once for body in w.progress.logged[key]) and len(w.progress.logged[key]) >= 3, w.progress.logged
    assert len(w.progress.logged) == 2, w.progress.logged
    assert w.service.ask("DELETE", "/data/ann", "ann")[2]["deleted"] == 1
    assert w.workers[0].end(signal.SIGTERM) == 0


def two_hundred_jobs_are_done_once_though_worker_service_and_database_are_killed(w):
    w.postgres.sql("CREATE TABLE finished (id uuid); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
                   " $$BEGIN INSERT INTO finished VALUES (NEW.id); RETURN NULL; END$$;"
                   "CREATE TRIGGER note AFTER UPDATE ON jobs FOR EACH ROW WHEN (NEW.state = 'done' AND OLD.state <> 'done') EXECUTE FUNCTION note()")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: w.put(f"user-{i % OWNERS}", f"{SENTENCE} " * 3 + f"It are number {i}.", Idempotency_Key=f"n{i}"), range(JOBS)))
    assert [a[0] for a in answers] == [202] * JOBS
    first, second = w.workers[0], w.worker()
    first.start()
    assert first.metric('lp_backlog{queue="ai"}') > 0, "the backlog is told"
    wait_for("some are done", 60, lambda: w.done() >= JOBS // 8)
    first.end(signal.SIGKILL)
    second.end(signal.SIGKILL)
    w.postgres.sql("UPDATE jobs SET lease_until = now() WHERE state = 'running'")  # as if 30 s had passed
    first.start()
    second.start()
    wait_for("more are done", 60, lambda: w.done() >= JOBS // 3)
    w.postgres.kill()
    w.postgres.start()
    wait_for("more are done", 60, lambda: w.done() >= JOBS // 2)
    w.service.end(signal.SIGKILL)
    w.service.start()
    again = w.put("user-7", f"{SENTENCE} " * 3 + "It are number 7.", Idempotency_Key="n7")
    assert again[0] == 202 and again[2] == answers[7][2], "what was put in before the kill is known by its key"
    w.postgres.sql("UPDATE jobs SET lease_until = now() WHERE state = 'running' AND lease_until < now() + interval '20 s'")  # of who lost the database
    wait_for("all are done", 120, lambda: w.done() == JOBS)
    assert w.postgres.sql("SELECT count(*), count(DISTINCT id) FROM finished") == f"{JOBS}|{JOBS}"
    assert w.postgres.sql("SELECT count(*) FROM jobs WHERE text IS NOT NULL") == "0"
    wait_for("the backlog is 0", 30, lambda: second.metric('lp_backlog{queue="ai"}') == 0)
    for i in (0, 7, JOBS - 1):
        status, _, job = w.service.ask("GET", f"/jobs/{answers[i][2]['jobId']}", f"user-{i % OWNERS}")
        assert status == 200 and job["result"]["sentence_pairs"][-1]["original"] == f"It are number {i}.", job
    print("attempts beyond the first:", w.postgres.sql("SELECT sum(attempts - 1) FROM jobs"))
    for worker in w.workers:
        assert worker.end(signal.SIGTERM) == 0


def what_is_planted_in_a_job_is_in_an_error_of_the_database(w):
    """Its error names the whole row, which is the learner's text; the worker's own port is asked with tokens too. The next test looks for all that."""
    worker, planted = w.workers[0], f"i goed to plantedword, my mail are {MAIL}, my password {PASSWORD}, my token {FORGED}"
    w.postgres.sql("ALTER TABLE jobs ADD CONSTRAINT planted CHECK (state <> 'done') NOT VALID")
    worker.start()
    before = worker.log_text().count("a job was done for nothing")
    status, _, answer = w.put(LEARNER, planted, Idempotency_Key=PASSWORD)
    assert status == 202, answer
    wait_for("its result is refused", 60, lambda: worker.log_text().count("a job was done for nothing") > before)
    headers = {"Authorization": f"Bearer {FORGED}", "Cookie": f"mail={MAIL}", "User-Agent": f"planted ({MAIL})"}
    for path in ("/metrics", "/livez", "/readyz", "/jobs/1", f"/{LEARNER}"):
        for method in ("GET", "POST", "DELETE"):
            worker.send(method, f"{path}?token={FORGED}&email={MAIL}&password={PASSWORD}", planted if method == "POST" else None, headers, port=worker.metrics)
    w.postgres.sql("ALTER TABLE jobs DROP CONSTRAINT planted")
    w.postgres.sql("UPDATE jobs SET lease_until = now() WHERE state = 'running'")
    job = wait_for("it is done", 60, lambda: [j for j in [w.service.ask("GET", f"/jobs/{answer['jobId']}", LEARNER)[2]] if j["state"] == "done"])[0]
    assert "plantedword" in json.dumps(job["result"]), job
    assert w.service.ask("DELETE", f"/data/{LEARNER}", LEARNER)[2]["deleted"] == 1
    assert worker.end(signal.SIGTERM) == 0


def no_log_line_tells_a_learners_words_an_owner_or_a_token(w):
    """Of all that the tests before made the service and the workers write, at level debug, with the database there and away."""
    secrets = [SECRET, *SENTENCE.lower().split(", ")[:2], "libary", "freind", "it are number", "i has a dog", '"user-', *(f"user-{n}\"" for n in range(OWNERS)),
               MAIL, PASSWORD.lower(), LEARNER, "plantedword", FORGED.rsplit(".", 1)[1].lower()]
    lines = [line for log in w.work.glob("*.log") for line in log.read_text(encoding="utf-8").splitlines()]
    assert any('"program":"lp-ai-worker"' in line for line in lines) and any('"level":"debug"' in line for line in lines), "the workers wrote nothing"
    found = [line for line in lines if "eyJ" in line or any(secret in line.lower() for secret in secrets)]
    assert not found, f"{len(found)} of {len(lines)} lines tell a secret, such as {found[0]}"
    print(f"{len(lines)} lines, none tells a secret")


def main():
    work = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    world = World(work)
    try:
        for test in (the_role_of_the_jobs_cannot_read_users, without_a_database_the_answer_names_the_field,
                     a_job_is_its_owners_and_goes_when_they_say_so,
                     a_recording_is_a_job_of_its_owner_and_goes_with_it, a_recording_that_is_none_is_told_the_field_and_the_limit,
                     recordings_of_one_learner_have_a_bound,
                     at_sigterm_a_worker_gives_back_what_it_has, what_holds_no_word_is_a_dead_letter_with_its_reason,
                     a_text_read_aloud_is_listened_to_though_the_worker_is_killed_and_its_score_logged_once,
                     a_job_that_ends_its_worker_takes_no_other_with_it,
                     a_worker_without_a_speech_model_says_so_and_goes_on, a_worker_asks_the_grammar_server_and_says_so_where_it_gives_no_answer,
                     the_score_of_a_job_is_logged_under_its_id_as_that_of_an_answer_is_though_the_service_is_killed,
                     two_hundred_jobs_are_done_once_though_worker_service_and_database_are_killed,
                     what_is_planted_in_a_job_is_in_an_error_of_the_database,
                     no_log_line_tells_a_learners_words_an_owner_or_a_token):
            began = time.monotonic()
            test(world)
            print(f"{test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        assert world.service.end(signal.SIGTERM) == 0, "lp-ai-feedback ends with 0 at SIGTERM"
    except BaseException:
        for log in sorted(work.glob("*.log")):
            print(f"--- {log.name}", *log.read_text(encoding="utf-8").splitlines()[-15:], sep="\n", flush=True)
        raise
    finally:
        world.end()


main()
