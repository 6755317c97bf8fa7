#!/usr/bin/env python3
"""Logins of lp-auth at an issuer: a real one (oidc-provider of npm) and one that does what no real one shows, beside a PostgreSQL.

oidc.py WORKDIR; LP_BIN: the folder of the programs, LP_POSTGRES_DIR: that of the server's URL. Needs node 20 and npm.
"""

import base64
import http.cookies
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from oidc_world import CALLBACK, CLIENT, FAKE_CLIENT, LOGIN, MAP, Browser, Test, begin, enter, me, ports, role_of, walk  # noqa: E402


def a_first_login_makes_an_account_and_the_second_finds_it(test, auth):
    test.people(ada={"email": "Ada@Example.org", "email_verified": True, "name": "Ada Lovelace"})
    status, first = enter(auth, "ada")
    assert status == 200 and first["message"] == "Login successful" and first["refreshToken"], first
    assert me(auth, first) | {"id": 0, "created_at": 0, "updated_at": 0} == {
        "id": 0, "email": "ada@example.org", "name": "Ada Lovelace", "role": "user", "bio": None, "avatar_url": None, "created_at": 0, "updated_at": 0}
    assert test.sql("SELECT email_verified_at IS NOT NULL FROM users WHERE email = 'ada@example.org'") == "t"
    assert test.sql("SELECT count(*) FROM mails WHERE sent_at IS NULL") == "0"
    test.people(ada={"email": "renamed@example.org", "email_verified": False, "name": "A."})
    status, second = enter(auth, "ada")
    assert status == 200 and second["user"]["id"] == first["user"]["id"], "it goes by issuer and subject, not by the address"
    assert auth.login("ada@example.org")[0] == 400, "an account without a password has none that is right"
    status, answer = auth.ask("GET", "/api/auth/sessions", bearer=second["token"])
    assert status == 200 and len(answer["sessions"]) == 2
    assert auth.ask("POST", "/api/auth/refresh-token", {"refreshToken": second["refreshToken"]})[0] == 200


def the_map_alone_gives_roles(test, auth):
    test.people(root={"email": "root@example.org", "email_verified": True, "groups": ["admin", "root"], "role": "admin"},
                tom={"email": "tom@example.org", "email_verified": True, "groups": ["CN=teachers,OU=school", "x"]},
                eve={"email": "eve@example.org", "email_verified": True, "groups": ["CN=teachers,OU=school", "lp-admins"]})
    for name, role in (("root", "user"), ("tom", "teacher"), ("eve", "admin")):
        status, answer = enter(auth, name)
        assert status == 200 and me(auth, answer)["role"] == role, (name, answer)
    status, before = enter(auth, "eve")
    test.people(eve={"email": "eve@example.org", "email_verified": True, "groups": []})
    assert enter(auth, "eve")[0] == 200 and role_of(test, "eve@example.org") == "user"
    assert auth.ask("GET", "/api/auth/me", bearer=before["token"])[0] == 403, "the sessions of the role that ended end"
    test.sql("UPDATE users SET role = 'teacher' WHERE email = 'eve@example.org'")
    assert enter(auth, "eve")[0] == 200 and role_of(test, "eve@example.org") == "teacher", "what an admin gave stays"


def an_account_is_linked_by_a_verified_address_only(test, auth):
    test.people(bob={"email": "bob@example.org", "email_verified": False}, ben={"email": "ben@example.org", "email_verified": True},
                ron={"email": "ron@example.org", "email_verified": True}, mia={"email": "mia@example.org"}, nil={},
                new={"email": "new@example.org", "email_verified": False})
    for email in ("bob@example.org", "ben@example.org", "ron@example.org"):
        auth.register(email)
    for name in ("bob", "new", "mia", "nil"):
        status, answer = enter(auth, name)
        assert status == 403 and answer["code"] == "EMAIL_NOT_VERIFIED", answer
    assert auth.login("bob@example.org")[0] == 200 and test.sql("SELECT count(*) FROM users WHERE email = 'new@example.org'") == "0"
    # verified on both sides: password and sessions stay
    test.sql("UPDATE users SET email_verified_at = now() WHERE email = 'ben@example.org'")
    status, local = auth.login("ben@example.org")
    assert enter(auth, "ben")[0] == 200 and me(auth, local)["name"] == "Local Person" and auth.login("ben@example.org")[0] == 200
    # verified by the issuer alone: whoever registered the address before is out
    status, squatter = auth.login("ron@example.org")
    status, answer = enter(auth, "ron")
    assert status == 200 and answer["user"]["id"] == squatter["user"]["id"]
    assert auth.ask("GET", "/api/auth/me", bearer=squatter["token"])[0] == 403
    assert auth.ask("POST", "/api/auth/refresh-token", {"refreshToken": squatter["refreshToken"]})[0] == 401
    assert auth.login("ron@example.org")[0] == 400
    # an address that the issuer gives to the next person does not open the account
    test.people(heir={"email": "ben@example.org", "email_verified": True})
    status, answer = enter(auth, "heir")
    assert status == 409 and answer["code"] == "ACCOUNT_TAKEN", answer


def an_admin_is_not_linked_by_address_and_a_disabled_account_stays_so(test, auth):
    test.people(boss={"email": "boss@example.org", "email_verified": True}, off={"email": "off@example.org", "email_verified": True})
    for email in ("boss@example.org", "off@example.org"):
        auth.register(email)
    test.sql("UPDATE users SET email_verified_at = now(), role = 'admin' WHERE email = 'boss@example.org'")
    status, answer = enter(auth, "boss")
    assert status == 403 and answer["code"] == "ADMIN_NOT_LINKED" and auth.login("boss@example.org")[0] == 200, answer
    assert enter(auth, "off")[0] == 200
    test.sql("UPDATE users SET disabled_at = now() WHERE email = 'off@example.org'")
    status, answer = enter(auth, "off")
    assert status == 403 and answer["code"] == "ACCOUNT_DISABLED", answer
    assert test.sql("SELECT count(*) FROM audit_events WHERE event = 'identity_linked'") not in ("", "0")


def an_account_that_changes_while_its_login_ends_is_taken_as_it_is_then(test, auth):
    """The login has read the account and is about to begin its session, when an admin changes it."""
    test.people(late={"email": "late@example.org", "email_verified": True})
    assert enter(auth, "late")[0] == 200
    for change in ("role = 'teacher'", "disabled_at = now()"):
        said = []
        thread = threading.Thread(target=lambda said=said: said.extend(enter(auth, "late")))
        with subprocess.Popen(["psql", "-qAtX", test.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            holder.stdin.write("BEGIN; LOCK TABLE refresh_tokens IN SHARE ROW EXCLUSIVE MODE; SELECT 'held';\n")
            holder.stdin.flush()
            assert holder.stdout.readline().strip() == "held"
            thread.start()
            end = time.monotonic() + 20
            while test.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'refresh_tokens'::regclass") == "0":
                assert time.monotonic() < end
                time.sleep(0.02)
            test.sql(f"UPDATE users SET {change}, updated_at = now() WHERE email = 'late@example.org'")
            holder.stdin.close()
        thread.join()
        status, answer = said
        if change.startswith("role"):
            part = answer["token"].split(".")[1]
            assert json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["role"] == "teacher", answer
        else:
            assert status == 403 and answer["code"] == "ACCOUNT_DISABLED", answer


def a_state_is_of_one_browser_and_of_one_login(test, auth):
    test.people(ada={"email": "ada@example.org", "email_verified": True})
    browser = Browser()
    back = walk(browser, auth, "ada")
    cookie = dict(browser.cookies[auth.port])
    status, _, text = Browser().go("GET", back)
    assert status == 400 and json.loads(text)["code"] == "STATE_INVALID", "another browser"
    wrong = re.sub(r"state=.", "state=_", back)
    if wrong == back:
        wrong = re.sub(r"state=.", "state=a", back)
    for url in (wrong, auth.base + CALLBACK, re.sub(r"state=[^&]*", "state=", back), back + "x" if back.endswith("state") else wrong):
        assert browser.go("GET", url)[0] == 400
    status, _, text = browser.go("GET", re.sub(r"iss=[^&]*", "iss=http%3A%2F%2Fother.example.org", back))
    assert status == 400 and "another issuer" in text, text
    assert browser.go("GET", back)[0] == 200 and not browser.cookies[auth.port], "and the cookie is gone"
    browser.cookies[auth.port] = cookie
    status, _, text = browser.go("GET", back)
    assert status == 400 and json.loads(text)["code"] == "LOGIN_FAILED", text  # the issuer takes no code twice


def what_the_issuer_refuses_is_told(_, auth):
    for error, want, code in (("access_denied", 403, "LOGIN_REFUSED"), ("temporarily_unavailable", 503, "ISSUER_UNAVAILABLE"),
                              ("<script>", 403, "LOGIN_REFUSED")):
        browser = Browser()
        _, query = begin(browser, auth)
        status, headers, text = browser.go("GET", f"{auth.base}{CALLBACK}?{urllib.parse.urlencode({'state': query['state'], 'error': error})}")
        assert status == want and json.loads(text)["code"] == code and "<script>" not in text, text
        assert (headers["Retry-After"] is not None) == (want == 503)
    browser = Browser()
    _, query = begin(browser, auth)
    status, _, text = browser.go("GET", f"{auth.base}{CALLBACK}?state={query['state']}")
    assert status == 400 and json.loads(text)["code"] == "CODE_MISSING", text


def nothing_in_a_request_says_where_it_leads(_, auth):
    for query in ("?redirect_uri=https://evil.example.org", "?returnTo=//evil.example.org", "?next=https:evil.example.org"):
        status, headers, _ = Browser().go("GET", auth.base + LOGIN + query)
        assert status == 302 and "evil" not in headers["Location"]
    status, headers, _ = Browser().go("GET", auth.base + LOGIN)
    cookie = http.cookies.SimpleCookie(headers["Set-Cookie"])["lp_login"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/" and int(cookie["max-age"]) == 600
    assert not cookie["secure"], "the callback is on loopback, without https"


def fake_login(auth, browser=None, **wish):
    """Status and answer of a login at the fake issuer, whose token is as `wish` says."""
    browser = browser or Browser()
    _, query = begin(browser, auth)
    assert query["tenant"] == "1", "the endpoint's own query stays"
    code = base64.urlsafe_b64encode(json.dumps({"nonce": query["nonce"], **wish}).encode()).rstrip(b"=").decode()
    status, headers, text = browser.go("GET", f"{auth.base}{CALLBACK}?{urllib.parse.urlencode({'state': query['state'], 'code': code})}")
    return status, json.loads(text), headers


def tokens_of_every_good_kind_are_taken(_, auth):
    for how in ("rsa", "ec", "ed"):
        status, answer, _ = fake_login(auth, sign=how)
        assert status == 200, (how, answer)
    for claims in ({"aud": ["lp"]}, {"aud": ["lp", "other"], "azp": "lp"}, {"email_verified": "true"}, {"nbf": time.time() + 20}, {"exp": time.time() - 20}):
        status, answer, _ = fake_login(auth, claims=claims)
        assert status == 200, (claims, answer)


def a_token_that_is_not_for_us_logs_nobody_in(test, auth):
    before = test.sql("SELECT count(*) FROM sessions")
    now = time.time()
    wishes = [{"sign": how} for how in ("none", "hmac", "stranger", "tampered", "unknown")]
    wishes += [{"claims": claims} for claims in (
        {"iss": "http://127.0.0.1:1"}, {"aud": "other"}, {"aud": ["other"]}, {"aud": []}, {"aud": ["lp", "other"]}, {"azp": "other"}, {"azp": 1},
        {"nonce": "x" * 43}, {"nonce": None}, {"exp": now - 120}, {"exp": "never"}, {"exp": None}, {"iat": now + 120}, {"iat": None},
        {"nbf": now + 120}, {"sub": ""}, {"sub": 7}, {"sub": "s" * 256}, {"sub": None})]
    wishes += [{"claims": {"email": None}, "userinfo": {"sub": "somebody else", "email": "fake@example.org", "email_verified": True}}]
    for wish in wishes:
        status, answer, _ = fake_login(auth, **wish)
        assert status == 400 and answer["code"] == "LOGIN_FAILED", (wish, status, answer)
    assert test.sql("SELECT count(*) FROM sessions") == before


def an_address_and_its_verification_are_of_one_answer(test, auth):
    """Else the token's address would count as verified by what userinfo says of another."""
    status, answer, _ = fake_login(auth, claims={"sub": "mixed", "email": "victim@example.org", "email_verified": None},
                                   userinfo={"sub": "mixed", "email": "own@example.org", "email_verified": True})
    assert status == 200 and answer["user"]["email"] == "own@example.org", answer
    assert test.sql("SELECT count(*) FROM users WHERE email = 'victim@example.org'") == "0"


def a_state_is_used_once_even_where_the_issuer_takes_a_code_twice(_, auth):
    browser = Browser()
    _, query = begin(browser, auth)
    cookie = dict(browser.cookies[auth.port])
    code = base64.urlsafe_b64encode(json.dumps({"nonce": query["nonce"]}).encode()).rstrip(b"=").decode()
    url = f"{auth.base}{CALLBACK}?{urllib.parse.urlencode({'state': query['state'], 'code': code})}"
    assert browser.go("GET", url)[0] == 200
    browser.cookies[auth.port] = cookie
    status, _, text = browser.go("GET", url)
    assert status == 400 and json.loads(text)["code"] == "STATE_INVALID", text


def an_issuer_that_errs_is_told_apart_from_a_client_that_does(_, auth):
    for wish, want, code in (({"answer": "garbage"}, 502, "ISSUER_ERROR"), ({"answer": "redirect"}, 502, "ISSUER_ERROR"), ({"answer": "huge"}, 502, "ISSUER_ERROR"),
                             ({"answer": {"status": 401, "body": {"error": "invalid_client"}}}, 502, "ISSUER_ERROR"),
                             ({"answer": {"status": 200, "body": {}}}, 502, "ISSUER_ERROR"),
                             ({"answer": {"status": 400, "body": {"error": "invalid_grant"}}}, 400, "LOGIN_FAILED")):
        status, answer, _ = fake_login(auth, **wish)
        assert status == want and answer["code"] == code, (wish, status, answer)


def hang_many(auth, n):
    """n logins at once at an issuer that does not answer; meanwhile others log in with their passwords."""
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(fake_login(auth, answer="hang"))) for _ in range(n)]
    for thread in threads:
        thread.start()
    assert auth.login("local@example.org")[0] == 200 and len(answers) < n, "a login with a password waits for the issuer"
    for thread in threads:
        thread.join()
    assert len(answers) == n, "not every login was begun"
    return answers


def an_issuer_that_is_away_costs_its_own_route_alone(test, auth, process):
    auth.register("local@example.org")
    for ask in (lambda: [fake_login(auth, answer={"status": 503, "body": {}})], lambda: hang_many(auth, 6)):
        answers = ask()
        for status, answer, headers in answers:
            assert status == 503 and answer["code"] == "ISSUER_UNAVAILABLE" and headers["Retry-After"], answer
        end = time.monotonic() + 20
        while Browser().go("GET", auth.base + LOGIN)[0] != 302:
            assert time.monotonic() < end, "it is never asked again"
            time.sleep(0.1)
    process.kill()
    process.wait()
    status, answer, headers = fake_login(auth)
    assert status == 503 and headers["Retry-After"], answer
    assert auth.login("local@example.org")[0] == 200 and auth.is_ready()


def a_discovery_document_that_is_not_ours_is_not_believed(test, port):
    for path in ("/other", "/plain"):
        auth = test.start(OIDC_ISSUER=f"http://127.0.0.1:{port}{path}", **FAKE_CLIENT)
        status, _, text = Browser().go("GET", auth.base + LOGIN)
        assert status == 502 and json.loads(text)["code"] == "ISSUER_ERROR", text
        auth.stop()


def behind_https_no_other_host_of_the_site_can_set_the_cookie(test, port):
    auth = test.start(OIDC_ISSUER=f"http://127.0.0.1:{port}", OIDC_REDIRECT_URL="https://lp.example.org/api/users/oidc/callback", **FAKE_CLIENT)
    status, headers, _ = Browser().go("GET", auth.base + LOGIN)
    cookie = http.cookies.SimpleCookie(headers["Set-Cookie"])["__Host-lp_login"]
    assert status == 302 and cookie["secure"] and cookie["path"] == "/" and not cookie["domain"], headers
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query)["state"][0]
    for name, code in (("lp_login", "STATE_INVALID"), ("__Host-lp_login", "CODE_MISSING")):
        asked = urllib.request.Request(f"{auth.base}{CALLBACK}?state={state}", headers={"Cookie": f"{name}={cookie.value}"})
        try:
            urllib.request.urlopen(asked, timeout=30)
            raise AssertionError(f"{name}: a login without a code")
        except urllib.error.HTTPError as e:
            assert json.load(e)["code"] == code, name
    auth.stop()


def without_an_issuer_the_routes_are_not_there(test):
    auth = test.start()
    for path in (LOGIN, CALLBACK):
        assert auth.ask("GET", path) == (404, {"error": "Route not found"})
    auth.stop()


def await_sealed(test, *texts):
    """Until no row of any table holds one of them."""
    end = time.monotonic() + 60
    while any(text in test.sql("SELECT database_to_xml(true, true, '')") for text in texts):
        assert time.monotonic() < end, f"some of {texts} stay in the database as they are"
        time.sleep(0.2)


def accounts_of_an_issuer_are_encrypted_under_a_master_key_and_found_after_a_restart(test, port, issuer):
    keys = test.work / "master-key"
    keys.mkdir()
    (keys / "current").write_text(base64.b64encode(bytes(range(32))).decode(), encoding="utf-8")
    settings = {"OIDC_ISSUER": issuer, "PRIVACY_KEY_DIR": str(keys), **CLIENT, **MAP}
    test.use("oidc_privacy")
    auth = test.start(port=port, **settings)
    test.people(p1={"email": "Sealed.Ida@example.org", "email_verified": True, "name": "Ida Sealed", "groups": ["CN=teachers,OU=school"]},
                p2={"email": "sealed.ken@example.org", "email_verified": True, "name": "Ken Sealed"},
                p3={"email": "sealed.ida@example.org", "email_verified": True})
    status, ida = enter(auth, "p1")
    assert status == 200, ida
    await_sealed(test, "ealed.", "Ida Sealed")
    assert test.sql("SELECT count(*) FROM personal_keys.keys") == "1", "one person, one key"
    # a local account whose fields are encrypted is found by the address of the issuer, which the database does not hold
    ken = auth.register("sealed.ken@example.org")
    test.sql(f"UPDATE accounts SET email_verified_at = now() WHERE id = '{ken}'")
    status, answer = enter(auth, "p2")
    assert status == 200 and answer["user"]["id"] == ken and auth.login("sealed.ken@example.org")[0] == 200, answer
    status, answer = enter(auth, "p3")
    assert status == 409 and answer["code"] == "ACCOUNT_TAKEN", answer
    auth.stop()
    auth = test.start(port=port, **settings)
    for name, user, email, shown, role in (("p1", ida["user"]["id"], "sealed.ida@example.org", "Ida Sealed", "teacher"),
                                           ("p2", ken, "sealed.ken@example.org", "Local Person", "user")):
        status, answer = enter(auth, name)
        assert status == 200 and answer["user"]["id"] == user, answer
        said = me(auth, answer)
        assert (said["email"], said["name"], said["role"]) == (email, shown, role), said
    await_sealed(test, "ealed.", "Local Person")
    assert test.sql("SELECT count(*) FROM identities") == "2"
    auth.stop()
    test.use("oidc")


def run(test):
    real_port, fake_port = ports(2)
    steps = []

    def step(case, *arguments):
        began = time.monotonic()
        case(test, *arguments)
        steps.append(case)
        print(f"ok: {case.__name__.replace('_', ' ')} ({time.monotonic() - began:.1f} s)")

    auth = test.start(OIDC_ISSUER=f"http://127.0.0.1:{real_port}", **CLIENT, **MAP)
    test.people()
    test.node("issuer.mjs", str(real_port), auth.base + CALLBACK, str(test.accounts))
    for case in (a_first_login_makes_an_account_and_the_second_finds_it, the_map_alone_gives_roles, an_account_is_linked_by_a_verified_address_only,
                 an_admin_is_not_linked_by_address_and_a_disabled_account_stays_so,
                 an_account_that_changes_while_its_login_ends_is_taken_as_it_is_then, a_state_is_of_one_browser_and_of_one_login,
                 what_the_issuer_refuses_is_told, nothing_in_a_request_says_where_it_leads):
        step(case, auth)
    auth.stop()
    step(accounts_of_an_issuer_are_encrypted_under_a_master_key_and_found_after_a_restart, auth.port, f"http://127.0.0.1:{real_port}")
    fake = test.node("fake.mjs", str(fake_port))
    auth = test.start(OIDC_ISSUER=f"http://127.0.0.1:{fake_port}", **FAKE_CLIENT)
    for case in (tokens_of_every_good_kind_are_taken, a_token_that_is_not_for_us_logs_nobody_in, an_address_and_its_verification_are_of_one_answer,
                 a_state_is_used_once_even_where_the_issuer_takes_a_code_twice, an_issuer_that_errs_is_told_apart_from_a_client_that_does):
        step(case, auth)
    step(behind_https_no_other_host_of_the_site_can_set_the_cookie, fake_port)
    step(a_discovery_document_that_is_not_ours_is_not_believed, fake_port)
    step(an_issuer_that_is_away_costs_its_own_route_alone, auth, fake)
    step(without_an_issuer_the_routes_are_not_there)
    auth.stop()
    print(f"{len(steps)} passed, 0 failed")


def main():
    work = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    test = Test(work)
    try:
        run(test)
    finally:
        test.end()


main()
