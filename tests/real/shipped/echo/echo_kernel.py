"""A kernel that says what it is told; it lies in a test image."""

import os

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class EchoKernel(Kernel):
    implementation = language = banner = "echo"
    implementation_version = "1"
    language_info = {"name": "echo", "mimetype": "text/plain", "file_extension": ".txt"}  # noqa: RUF012

    def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False, **_more):
        said = os.environ.get(code[1:], "") if code.startswith("$") else code
        text = f"{os.environ['ECHO_PREFIX']} {said}"
        self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": text})
        return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=EchoKernel)
