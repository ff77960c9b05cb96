#!/usr/bin/python3
"""Makes what is installed from what is written: the page with its style inside, and the manual page.

The same sources always give the same bytes, so two builds of one commit make the same package.
"""

import gzip
import re
from pathlib import Path

here = Path(__file__).parent
out = here / "out"


def small(css):
    """The style without comments and needless blanks."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return re.sub(r"\s*([{}:;,])\s*", r"\1", css).strip()


out.mkdir(exist_ok=True)
version = (here / "VERSION").read_text().strip()
template = (here / "assets/board.html").read_text()
style = small((here / "assets/board.css").read_text())
(out / "board.html").write_text(template.replace("@STYLE@", style))
(out / "version").write_text(version + "\n")
manual = (here / "noticeboard.1.in").read_text().replace("@VERSION@", version)
(out / "noticeboard.1.gz").write_bytes(gzip.compress(manual.encode(), mtime=0))
compile((here / "noticeboard").read_text(), "noticeboard", "exec")  # a typing mistake fails the build, not the machine
print(f"noticeboard {version}: {sum(file.stat().st_size for file in out.iterdir())} bytes in {out.name}/")
