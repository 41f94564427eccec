# SPDX-License-Identifier: Apache-2.0
"""Captures from a text that says who said what.

A line opens a conversation (`NAME` is one word), or is a step of one:

    tcp NAME CLIENT:PORT SERVER:PORT      the handshake; NAME*100 makes a hundred, from ports that follow on the client's
    udp NAME CLIENT:PORT SERVER:PORT
    NAME > "text"                         the client says it, in one segment that the server acknowledges
    NAME < "text"                         the server does; "text"*9000 repeats it, cut into segments of 1,400 bytes
    NAME > unacked "text"                 no acknowledgment follows
    NAME fin | NAME rst | NAME < ack      both ends close; the client resets; the server acknowledges all so far
    raw NAME CLIENT:PORT SERVER:PORT      a TCP conversation without its handshake
    NAME > SA 1000 5001 "text"            a segment with flags (of FSRPA), sequence number, acknowledgment and bytes;
                                          RAM: R, A and an MD5 signature (RFC 2385)
    wait SECONDS                          before the next packet

Texts are Python bytes literals without the b; a text may be put together from pieces, which may go on in lines that start with a blank:

    "text"                                bytes as they are
    x"0a 0b"                              hexadecimal digits
    u8{...} u16{...} u24{...} u32{...}    the size of what is between the braces in so many bits, then that
    l16{...} l24{...} l32{...}            the same, least significant octet first
    der{...}                              the same as a length of X.690 8.1.3

Lines that start with # are comments, and so is what stands behind a # between pieces.
"""
import ast, re, socket, struct

SEGMENT = 1400


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


PIECE = re.compile(r'\s+|#[^\n]*|(x?)"((?:\\.|[^"\\])*)"|(u8|u16|u24|u32|l16|l24|l32|der)\{|(\})')


def sized(kind, inner):
    size = len(inner)
    if kind == "der":
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        return (bytes([size]) if size < 128 else bytes([0x80 | len(octets)]) + octets) + inner
    return size.to_bytes(int(kind[1:]) // 8, "big" if kind[0] == "u" else "little") + inner


def pieces(text):
    """The bytes that a text of pieces stands for."""
    open_, at = [("", b"")], 0
    while at < len(text):
        found = PIECE.match(text, at)
        if not found:
            raise SystemExit(f"talk: not understood: {text[at:at + 60]}")
        at, (hexadecimal, literal, kind, closing) = found.end(), found.groups()
        if literal is not None:
            said = bytes.fromhex(literal) if hexadecimal else ast.literal_eval('b"' + literal + '"')
            open_[-1] = (open_[-1][0], open_[-1][1] + said)
        elif kind:
            open_.append((kind, b""))
        elif closing:
            kind, inner = open_.pop()
            if not open_:
                raise SystemExit(f"talk: a brace too many: {text[:60]}")
            open_[-1] = (open_[-1][0], open_[-1][1] + sized(kind, inner))
    if len(open_) > 1:
        raise SystemExit(f"talk: a brace is open: {text[:60]}")
    return open_[0][1]


class Conversation:
    def __init__(self, talk, kind, client, server):
        self.talk, self.kind = talk, kind
        self.ends = [client, server]
        self.sequence = [1000, 5000]

    def send(self, side, payload=b"", flags=0x10, options=b""):
        (src, src_port), (dst, dst_port) = self.ends[side], self.ends[1 - side]
        if self.kind == "udp":
            body, protocol = struct.pack("!HHHH", src_port, dst_port, 8 + len(payload), 0) + payload, 17
        else:
            acknowledged = self.sequence[1 - side] if flags & 0x10 else 0
            body = struct.pack("!HHIIBBHHH", src_port, dst_port, self.sequence[side], acknowledged, 0x50 + 4 * len(options), flags, 64000,
                               0, 0) + options + payload
            protocol = 6
            self.sequence[side] += len(payload) + (1 if flags & 0x03 else 0)
        ends = socket.inet_aton(src) + socket.inet_aton(dst)
        sum_at = 6 if self.kind == "udp" else 16
        sum_of = checksum(ends + struct.pack("!BBH", 0, protocol, len(body)) + body)
        body = body[:sum_at] + struct.pack("!H", sum_of) + body[sum_at + 2:]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol, 0) + ends
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        self.talk.add(bytes.fromhex("020000000002020000000001" "0800") + head + body)

    def open(self):
        self.send(0, flags=0x02)
        self.send(1, flags=0x12)
        self.send(0)

    def say(self, side, text, acknowledge):
        if self.kind == "udp":
            return self.send(side, text)
        for at in range(0, len(text), SEGMENT):
            self.send(side, text[at:at + SEGMENT], 0x18)
            if acknowledge:
                self.send(1 - side)

    def close(self):
        self.send(0, flags=0x11)
        self.send(1, flags=0x11)
        self.send(0)


class Talk:
    def __init__(self):
        self.time, self.frames, self.conversations = 1_700_000_000_000_000, [], {}

    def add(self, frame):
        self.frames.append(struct.pack("<IIII", *divmod(self.time, 1_000_000), len(frame), len(frame)) + frame)
        self.time += 1000

    def line(self, line):
        opens = re.fullmatch(r"(tcp|udp|raw) (\w+)(?:\*(\d+))? ([\d.]+):(\d+) ([\d.]+):(\d+)", line)
        says = re.fullmatch(r'(\w+) ([<>]) (unacked )?((?:"|x"|[ul]\d+\{|der\{).*?)(?:\*(\d+))?', line, re.S)
        segment = re.fullmatch(r'(\w+) ([<>]) ([FSRPAM]+) (\d+) (\d+)(?: (".*"))?', line)
        does = re.fullmatch(r"(\w+) (fin|rst|[<>] ack)", line)
        if opens:
            kind, name, count, client, client_port, server, server_port = opens.groups()
            self.conversations[name] = [Conversation(self, kind, (client, int(client_port) + i), (server, int(server_port)))
                                        for i in range(int(count or 1))]
            for conversation in self.conversations[name] if kind == "tcp" else ():
                conversation.open()
        elif says:
            name, way, unacked, text, times = says.groups()
            for conversation in self.conversations[name]:
                conversation.say("><".index(way), pieces(text) * int(times or 1), not unacked)
        elif segment:
            name, way, flags, sequence, acknowledgment, text = segment.groups()
            side = "><".index(way)
            for conversation in self.conversations[name]:
                conversation.sequence[side], conversation.sequence[1 - side] = int(sequence), int(acknowledgment)
                payload = pieces(text or "")
                conversation.send(side, payload, sum(1 << "FSRPA".index(f) for f in flags.strip("M")),
                                  b"\x13\x12" + bytes(18) if "M" in flags else b"")
        elif does:
            for conversation in self.conversations[does[1]]:
                if does[2] == "fin":
                    conversation.close()
                elif does[2] == "rst":
                    conversation.send(0, flags=0x14)
                else:
                    conversation.send("><".index(does[2][0]))
        elif line.startswith("wait "):
            self.time += int(float(line[5:]) * 1_000_000)
        else:
            raise SystemExit(f"talk: not understood: {line}")


def capture_of(text):
    """The bytes of a pcap file."""
    talk = Talk()
    for line in re.sub(r"\n(?=[ \t]+\S)", "\0", text).split("\n"):
        if line.strip() and not line.startswith("#"):
            talk.line(line.replace("\0", "\n").strip())
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1) + b"".join(talk.frames)
