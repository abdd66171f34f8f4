"""What the table of streams says of one user and one stream, without a look at the rights made from it."""

from dataclasses import dataclass

from shared.contracts.streams import DEAD_LETTERS_KEPT, OUTSIDE, UNTIL_ACKNOWLEDGED, Stream

ADD = ("XADD {} 7-0 a b", "XADD {} NOMKSTREAM MAXLEN ~ 10 * a b")
GROUP = "XGROUP CREATE {} new 0 MKSTREAM"
ACK = "XACK {} g 1-0"
THROUGH_A_GROUP = (GROUP, "XREADGROUP GROUP g c STREAMS {} >", ACK)
CLAIM = "XCLAIM {} g c 0 1-0"
REMOVE = ("XTRIM {} MINID 5", "DEL {}", "EXPIRE {} 60")
SCRIPT = "EVALSHA 0123456789012345678901234567890123456789 1 {}"
FORGET = "XGROUP DELCONSUMER {} g c"
LOOK_AROUND = ("XAUTOCLAIM {} g c 0 0", "XLEN {}")
BACKWARDS = "XREVRANGE {} + -"
PENDING = "XPENDING {} g"
KEEP = ("XGROUP DESTROY {} g", "MEMORY USAGE {}")
NEVER = (
    *("XGROUP SETID {} g $", "XSETID {} 9-0"),
    *("SET {} v", "GET {}", "RENAME {} other", "COPY {} other", "RESTORE {} 0 x", "DUMP {}", "UNLINK {}", "LPUSH {} a"),
    *("SORT {}", "OBJECT ENCODING {}", "EVAL return 1 {}"),
)
EVERY_WAY = (
    *(*ADD, *THROUGH_A_GROUP, *REMOVE, *LOOK_AROUND, *KEEP, *NEVER, CLAIM, BACKWARDS, PENDING),
    *(
        SCRIPT,
        FORGET,
        "XDEL {} 1-0",
        "XREAD STREAMS {} 0",
        "XINFO STREAM {}",
        "XINFO GROUPS {}",
        "XINFO CONSUMERS {} g",
    ),
)


@dataclass(frozen=True)
class Expected:
    """A stream of each process belongs to its reader: with `owned`, which also makes it with a first entry.

    `relays`: adds under given ids, compares what is there, keeps the stream and its groups. `plainly`: reads without
    a group. `buries`: puts dead letters aside, lists them, takes them back.
    """

    user: str
    key: str
    adds: bool
    relays: bool
    reads: bool
    in_a_group: bool
    plainly: bool
    takes: bool
    owned: bool
    from_outside: bool
    measures: bool
    buries: bool

    @classmethod
    def of(cls, user: str, stream: Stream) -> "Expected":
        """Read the table."""
        buries = stream.kept == DEAD_LETTERS_KEPT and user in stream.writers
        groups = [reader.group for reader in stream.readers if reader.name == user and not buries]
        owned = "<process>" in stream.name and bool(groups)
        return cls(
            user=user,
            key=stream.name.replace("<process>", "0a1b2c3d"),
            adds=user in stream.writers or owned,
            relays=user in stream.writers and stream.ids != "*",
            reads=bool(groups) or buries,
            in_a_group=any(groups),
            plainly="" in groups or (user == OUTSIDE and bool(groups)),
            takes=any(groups) and stream.kept == UNTIL_ACKNOWLEDGED,
            owned=owned,
            from_outside=user == OUTSIDE and bool(groups),
            measures=user == "metrics" and "<process>" not in stream.name,
            buries=buries,
        )

    @property
    def _follows(self) -> bool:
        """Who reads through a group what stays for others looks at what is behind it."""
        return self.in_a_group and not self.takes

    def commands(self) -> dict[str, bool]:
        """Return every way to touch the stream, and whether it is open to the user."""
        ways = {
            **dict.fromkeys(ADD, self.adds),
            **dict.fromkeys(THROUGH_A_GROUP, self.in_a_group),
            ACK: self.in_a_group or self.buries,
            GROUP: self.in_a_group or self.buries or self.relays,
            "XREAD STREAMS {} 0": self.plainly,
            "XRANGE {} - +": (self.plainly and not self.owned) or self.relays or self.buries or self._follows,
            BACKWARDS: self.from_outside or self.buries,
            PENDING: self.in_a_group or self.relays or self.measures,
            CLAIM: (self.in_a_group and not self.from_outside) or self.buries,
            "XDEL {} 1-0": self.takes or self.buries,
            **dict.fromkeys(REMOVE, self.owned),
            REMOVE[0]: self.owned or self.buries or self.relays,
            **dict.fromkeys(KEEP, self.relays),
            SCRIPT: self.relays or (self.in_a_group and not self.from_outside),
            FORGET: self.in_a_group and not self.from_outside,
            "XINFO GROUPS {}": self.in_a_group or self.measures or self.relays,
            "XINFO CONSUMERS {} g": self.in_a_group or self.measures,
            "XINFO STREAM {}": self.from_outside or self.measures or self.plainly or self.relays,
            **dict.fromkeys(LOOK_AROUND, self.from_outside),
            **dict.fromkeys(NEVER, False),
        }
        return {way.format(self.key): open_ for way, open_ in ways.items()}
