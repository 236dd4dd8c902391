// Oclgrind's device calls itself a CPU, a GPU and an accelerator at once. TornadoVM 5.2 sorts devices by one type and then
// finds none. Preloaded before Oclgrind, this lets the device be a GPU alone.
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info name, size_t size, void *value, size_t *needed) {
    static cl_int (*oclgrind)(cl_device_id, cl_device_info, size_t, void *, size_t *);
    if (!oclgrind) oclgrind = dlsym(RTLD_NEXT, "clGetDeviceInfo");
    cl_int error = oclgrind(device, name, size, value, needed);
    if (error == CL_SUCCESS && name == CL_DEVICE_TYPE && value && size >= sizeof(cl_device_type)) {
        *(cl_device_type *)value = CL_DEVICE_TYPE_GPU;
    }
    return error;
}
