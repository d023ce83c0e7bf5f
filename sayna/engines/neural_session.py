"""One way to load a model of onnxruntime, for both neural engines."""

from pathlib import Path
from typing import Any

import onnxruntime


def session(model: Path, threads: int) -> Any:
    """Return a session of onnxruntime that keeps little memory and no busy thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    # Without this, its threads use the processor while they wait for work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])
