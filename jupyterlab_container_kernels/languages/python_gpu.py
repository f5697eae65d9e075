"""A cell that asks the drivers themselves for their GPUs; it needs nothing in the image but Python."""

#: The calls and their types are those of the CUDA driver API (https://docs.nvidia.com/cuda/cuda-driver-api/) and of HIP
#: (https://rocm.docs.amd.com/projects/HIP/). Both give back 0 for success.
CELL = r"""
def _container_kernels_gpu():
    import ctypes

    def load(*names):
        for name in names:
            try:
                return ctypes.CDLL(name)
            except OSError:
                continue
        return None

    def show(name, size):
        print("CONTAINER_KERNELS_GPU %s (%.0f GB)" % (name.value.decode(errors="replace"), size.value / 2**30))

    def cuda(library):
        code = library.cuInit(0)
        count, device = ctypes.c_int(0), ctypes.c_int(0)
        code = code or library.cuDeviceGetCount(ctypes.byref(count))
        for number in range(count.value):
            name, size = ctypes.create_string_buffer(256), ctypes.c_size_t(0)
            code = code or library.cuDeviceGet(ctypes.byref(device), number)
            code = code or library.cuDeviceGetName(name, 256, device)
            code = code or library.cuDeviceTotalMem_v2(ctypes.byref(size), device)
            if not code:
                show(name, size)
        return count.value, "CUDA error %d" % code if code else "CUDA finds no device"

    def hip(library):
        count = ctypes.c_int(0)
        code = library.hipGetDeviceCount(ctypes.byref(count))
        for number in range(0 if code else count.value):
            name, size = ctypes.create_string_buffer(256), ctypes.c_size_t(0)
            code = code or library.hipDeviceGetName(name, 256, number)
            code = code or library.hipDeviceTotalMem(ctypes.byref(size), number)
            if not code:
                show(name, size)
        return count.value, "HIP error %d" % code if code else "HIP finds no device"

    reasons = []
    for ask, names in (
        (cuda, ["libcuda.so.1"]),
        (hip, ["libamdhip64.so", "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5"]),
    ):
        library = load(*names)
        if library is None:
            reasons.append(names[0] + " is missing")
            continue
        try:
            count, reason = ask(library)
        except AttributeError as error:
            count, reason = 0, "%s is too old: %s" % (names[0], error)
        if count and "error" not in reason:
            return
        reasons.insert(0, reason)
    print("No GPU: %s." % "; ".join(reasons))


_container_kernels_gpu()
del _container_kernels_gpu
"""
