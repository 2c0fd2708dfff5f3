"""All arms, in the order of the table."""

from typing import Final

import arms_generated  # noqa: F401 - it registers its arms
import arms_others  # noqa: F401
import arms_ours  # noqa: F401
from arms import ARMS, Arm

_ORDER: Final = (
    *("raw", "naive", "cattrs", "openapi-generator", "opc"),
    *("upload", "upload-new", "upload-ids", "upload-csv", "upload-csv-dict", "upload-journal"),
    *("stream", "stream-records", "add-records", "batcher"),
)

CONTENDERS: Final[dict[str, Arm]] = {key: ARMS[key] for key in _ORDER}
