"""`python -m cli`."""

from cli.main import aurelius

if __name__ == "__main__":
    aurelius(prog_name="aurelius")
