"""Requests that no server may take, each with a key in it that must stay unseen."""

CANARY = b"sk-canary-7d1f"
HOST = b"Host: sayna.test\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /speak HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
KEY = b"X-Key: " + CANARY + b"\r\n"
QUERY = b"/ready?api_key=" + CANARY
END = b"\r\n"

LINES = {
    "raw letters in the query": b"GET " + QUERY + "&q=Zoë".encode() + b" HTTP/1.1\r\n",
    "raw letters in the path": b"GET /" + CANARY + "/Zoë".encode() + b" HTTP/1.1\r\n",
    "control character in the target": b"GET " + QUERY + b"\x01 HTTP/1.1\r\n",
    "NUL in the target": b"GET " + QUERY + b"\x00 HTTP/1.1\r\n",
    "DEL in the target": b"GET " + QUERY + b"\x7f HTTP/1.1\r\n",
    "blank in the target": b"GET " + QUERY + b"&q=a b HTTP/1.1\r\n",
    "tab in the line": b"GET\t" + QUERY + b"\tHTTP/1.1\r\n",
    "no version": b"GET " + QUERY + b"\r\n",
    "version without a dot": b"GET " + QUERY + b" HTTP/1\r\n",
    "version of three digits": b"GET " + QUERY + b" HTTP/1.10\r\n",
    "version 2.0": b"GET " + QUERY + b" HTTP/2.0\r\n",
    "version 3.0": b"GET " + QUERY + b" HTTP/3.0\r\n",
    "version in lower case": b"GET " + QUERY + b" http/1.1\r\n",
    "another protocol": b"GET " + QUERY + b" ICY/1.1\r\n",
    "version with a key": b"GET / HTTP/" + CANARY + b"\r\n",
    "method in lower case": b"get " + QUERY + b" HTTP/1.1\r\n",
    "method with a key": CANARY + b" / HTTP/1.1\r\n",
    "method with a number sign": b"GE#T " + QUERY + b" HTTP/1.1\r\n",
    "method of two letters": b"GO " + QUERY + b" HTTP/1.1\r\n",
    "no method": b" " + QUERY + b" HTTP/1.1\r\n",
    "only a method": b"GET\r\nX-Key: " + CANARY + b"\r\n",
    "line that is too long": b"GET " + QUERY + b"&q=" + b"a" * 9000 + b" HTTP/1.1\r\n",
    "line without an end": b"GET " + QUERY + b"&q=" + b"a" * 20000,
    "line feeds alone": b"GET " + QUERY + b" HTTP/1.1\nHost: sayna.test\nConnection: close\n\n",
}
HEADS = {
    "nameless header": GET + b": " + CANARY + END,
    "header without a colon": GET + b"X-Key " + CANARY + END,
    "blank before the colon": GET + b"X-Key : " + CANARY + END,
    "letter in a name": GET + "X-Zoë: ".encode() + CANARY + END,
    "key as a name": GET + CANARY + b"(: x" + END,
    "NUL in a value": GET + b"X-Key: \x00" + CANARY + END,
    "control character in a value": GET + b"X-Key: \x01" + CANARY + END,
    "carriage return in a value": GET + b"X-Key: a\r" + CANARY + END,
    "folded header": GET + b"X-Key: a\r\n " + CANARY + END,
    "more than 100 headers": GET + KEY * 101,
    "header that is too long": GET + b"X-Key: " + CANARY + b"a" * 9000 + END,
    "headers that are too large": GET + (b"X-Key: " + CANARY + b"a" * 7000 + END) * 12,
    "two hosts": GET + b"Host: " + CANARY + END,
    "two content types": POST + b"Content-Type: " + CANARY + END,
    "expectation that is none": GET + b"Expect: " + CANARY + END,
    "length that is no number": POST + b"Content-Length: " + CANARY + END,
    "length with a sign": POST + KEY + b"Content-Length: +2\r\n",
    "two lengths": POST + KEY + b"Content-Length: 2\r\nContent-Length: 2\r\n",
    "unknown coding": POST + b"Transfer-Encoding: " + CANARY + END,
    "coding without chunks": POST + KEY + b"Transfer-Encoding: gzip\r\n",
    "length and chunks": POST + KEY + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0", 1) + KEY + b"Transfer-Encoding: chunked\r\n",
}
BODIES = {
    "chunk size that is no number": b"\r\n" + CANARY + b"\r\n{}\r\n0\r\n\r\n",
    "chunk longer than its size": b"\r\n1\r\n" + CANARY + b"\r\n0\r\n\r\n",
    "chunk extension": b"\r\n2;" + CANARY + b"=\x01\r\n{}\r\n0\r\n\r\n",
    "trailer without a name": b"\r\n2\r\n{}\r\n0\r\n: " + CANARY + b"\r\n\r\n",
}
CHUNKED = b"Transfer-Encoding: chunked\r\n"

REQUESTS = (
    {name: line + (END if line.endswith(b"\n") and b"Host" in line else HOST + END) for name, line in LINES.items()}
    | {name: head + END for name, head in HEADS.items()}
    | {name: POST + CHUNKED + body for name, body in BODIES.items()}
    | {f"{name} where none is read": GET + CHUNKED + body for name, body in BODIES.items()}
)
NOT_HTTP = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + CANARY,
    "zeros": b"\x00" * 8 + CANARY,
    "text of a person": "Öh, ".encode() + CANARY,
    "SSH": b"SSH-2.0-" + CANARY + b"\r\n",
    "a line feed first": b"\n" + CANARY,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
