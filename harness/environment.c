#include "harness/environment.h"

#include "base/hash.h"
#include "harness/build_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value after `key` in a file of "key : value" or "key=value" lines. */
static void look_up(const char *path, const char *key, char *out, size_t size)
{
    char line[512];
    FILE *file = fopen(path, "r");
    snprintf(out, size, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        size_t length = strlen(key);
        if (strncmp(line, key, length) || !strchr(" \t=:", line[length]))
            continue;
        char *value = line + length;
        value += strspn(value, " \t=:\"");
        value[strcspn(value, "\"\n")] = 0;
        snprintf(out, size, "%s", value);
        break;
    }
    if (file)
        fclose(file);
}

static const char *vector_units(void)
{
#if defined(__x86_64__)
    static char units[128];
    units[0] = 0;
#define UNIT(name)                                                                       \
    if (__builtin_cpu_supports(name))                                                    \
    snprintf(units + strlen(units), sizeof units - strlen(units), "%s%s",                \
             units[0] ? " " : "", name)
    UNIT("sse4.2");
    UNIT("avx2");
    UNIT("fma");
    UNIT("avx512bw");
    UNIT("avx512vnni");
    UNIT("avx512bf16");
    UNIT("avx512vpopcntdq");
#undef UNIT
    return units;
#else
    return "unknown";
#endif
}

void environment_describe(struct store_env *out)
{
    static struct utsname system;
    static struct sysinfo memory;
    static char os[128], cpu[128], binary[HASH_HEX];
    uname(&system);
    sysinfo(&memory);
    look_up("/etc/os-release", "PRETTY_NAME", os, sizeof os);
    look_up("/proc/cpuinfo", "model name", cpu, sizeof cpu);
    if (hash_file("/proc/self/exe", binary))
        binary[0] = 0;
    size_t length = strlen(BUILD_COMMIT);
    *out = (struct store_env){
        .host = system.nodename,
        .os = os,
        .kernel = system.release,
        .arch = system.machine,
        .cpu = cpu,
        .cores = (int)sysconf(_SC_NPROCESSORS_ONLN),
        .ram_mb = (int64_t)((uint64_t)memory.totalram * memory.mem_unit >> 20),
        .version = BUILD_VERSION,
        .git_commit = BUILD_COMMIT,
        .git_dirty = length > 6 && !strcmp(BUILD_COMMIT + length - 6, "-dirty"),
        .binary_sha = binary,
        .compiler = BUILD_COMPILER,
        .cflags = BUILD_FLAGS,
        .simd = vector_units(),
        .libs_json = BUILD_LIBRARIES,
    };
}
