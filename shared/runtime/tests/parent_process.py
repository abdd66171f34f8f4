"""`python -m shared.runtime.tests.parent_process`: two children, until it is killed."""

import asyncio

from shared.runtime.children import Children

if __name__ == "__main__":
    asyncio.run(Children("shared.runtime.tests.child_process", 2).run())
