#!/usr/bin/env python3
"""A mail server for tests: STARTTLS, AUTH PLAIN, one message a connection.

mail_server.py CERT KEY PORT_FILE OUT_FILE [refuse-starttls]: prints nothing; writes its port, then each message with its
envelope and whether it came over TLS as one JSON line to OUT_FILE. Ends when its standard input does.
"""
import json, os, socket, ssl, sys, threading


def serve(connection, context, out, offer_tls):
    secure, envelope = False, {"from": None, "to": [], "auth": False}
    stream = connection.makefile("rwb", buffering=0)

    def say(line):
        stream.write(line.encode() + b"\r\n")

    say("220 test")
    while line := stream.readline():
        verb = line.decode("latin-1").strip()
        upper = verb.upper()
        if upper.startswith("EHLO"):
            say("250-test\r\n250-AUTH PLAIN" + ("" if secure or not offer_tls else "\r\n250-STARTTLS") + "\r\n250 8BITMIME")
        elif upper == "STARTTLS" and offer_tls:
            say("220 go")
            connection = context.wrap_socket(connection, server_side=True)
            stream, secure = connection.makefile("rwb", buffering=0), True
        elif upper.startswith("AUTH"):
            if upper == "AUTH PLAIN":
                say("334 ")
                stream.readline()
            envelope["auth"] = True
            say("235 ok")
        elif upper.startswith("MAIL FROM:"):
            envelope["from"] = verb[10:].split(">")[0].strip("<> ")
            say("250 ok")
        elif upper.startswith("RCPT TO:"):
            envelope["to"].append(verb[8:].split(">")[0].strip("<> "))
            say("250 ok")
        elif upper == "DATA":
            say("354 go")
            lines = []
            while (line := stream.readline()) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b"..") else line)
            with open(out, "a") as f:
                f.write(json.dumps({**envelope, "tls": secure, "message": b"".join(lines).decode("latin-1")}) + "\n")
            say("250 ok")
        elif upper == "QUIT":
            say("221 bye")
            return
        else:
            say("250 ok")


def main():
    cert, key, port_file, out = sys.argv[1:5]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", 0))
    with open(port_file + ".part", "w") as f:
        f.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".part", port_file)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, context, out, len(sys.argv) < 6), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


main()
