/* What is known about this machine, from the files in which Linux tells it. Each may be missing or odd (containers,
 * other architectures, virtual machines): then its line is left out. */
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/proc_file.h"
#include "base/status.h"
#include "cpu/cpu.h"

/* Processors in the affinity mask; grows the mask for machines with more than 1024. */
static int affinity_count(void) {
    for (int size = 1024; size <= 1 << 20; size *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)size);
        if (!set) {
            break;
        }
        int count = 0;
        if (sched_getaffinity(0, CPU_ALLOC_SIZE((size_t)size), set) == 0) {
            count = CPU_COUNT_S(CPU_ALLOC_SIZE((size_t)size), set);
        }
        CPU_FREE(set);
        if (count > 0) {
            return count;
        }
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

int fscnn_cpu_cores(void) {
    int cores = affinity_count();
    double limit = cgroup_cores(&cgroup_here);
    if (limit > 0 && limit < cores) {
        cores = (int)limit + (limit > (int)limit); /* 1.5 cores' worth of time still wants two threads */
    }
    return cores < CPU_MOST_THREADS ? cores : CPU_MOST_THREADS;
}

static void describe_processor(struct fscnn_log log) {
    char name[256];
    struct utsname system;
    if (proc_value("/proc/cpuinfo", "model name", name, sizeof(name)) ||
        proc_value("/proc/cpuinfo", "Model", name, sizeof(name)) ||
        proc_value("/proc/cpuinfo", "Hardware", name, sizeof(name)) ||
        proc_line("/proc/device-tree/model", name, sizeof(name))) {
        log_line(log, "processor: %s", name);
    }
    if (uname(&system) == 0) {
        log_line(log, "system: %s %s, %s", system.sysname, system.release, system.machine);
    }
}

static void describe_cores(struct fscnn_log log) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    double limit = cgroup_cores(&cgroup_here);
    char limit_text[64] = "", threads[64] = "", siblings[64];
    if (limit > 0) {
        snprintf(limit_text, sizeof(limit_text), ", limited to %.2f by a control group", limit);
    }
    /* "0,4" or "0-1": more than one number where a core runs several threads */
    if (proc_line("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", siblings, sizeof(siblings)) &&
        siblings[strspn(siblings, "0123456789")] != '\0') {
        snprintf(threads, sizeof(threads), ", several threads a core (%.20s)", siblings);
    }
    log_line(log, "cores: %d usable of %ld online%s%s", affinity_count(), online, limit_text, threads);
}

static void describe_instructions(struct fscnn_log log) {
    char text[256];
    const char *lowered = getenv("FASTSCNN_CPU");
    log_line(log, "instruction sets found: %s",
             cpu_flags_found() ? cpu_flags_text(cpu_flags_found(), text, sizeof(text)) : "none that kernels need");
    cpu_flags_text(cpu_flags_used(), text, sizeof(text));
    log_line(log, "instruction sets used: %s (kernels: %s%s%.20s)", text[0] ? text : "none", fscnn_cpu_isa(),
             lowered ? ", FASTSCNN_CPU=" : "", lowered ? lowered : "");
    if (cpu_word_unknown()) {
        log_line(log, "FASTSCNN_CPU: %.40s is none of c, avx2, avxvnni, avx512, amx, neon; nothing will run",
                 cpu_word_unknown());
    }
}

static void describe_caches(struct fscnn_log log) {
    char text[256] = "";
    size_t used = 0;
    for (int i = 0; i < 8 && used < sizeof(text); i++) {
        char path[128], level[16], type[32], size[32], shared[64];
        const char *const base = "/sys/devices/system/cpu/cpu0/cache";
        snprintf(path, sizeof(path), "%s/index%d/level", base, i);
        bool ok = proc_line(path, level, sizeof(level));
        snprintf(path, sizeof(path), "%s/index%d/type", base, i);
        ok = ok && proc_line(path, type, sizeof(type));
        snprintf(path, sizeof(path), "%s/index%d/size", base, i);
        if (!ok || !proc_line(path, size, sizeof(size))) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/index%d/shared_cpu_list", base, i);
        if (!proc_line(path, shared, sizeof(shared))) {
            snprintf(shared, sizeof(shared), "?");
        }
        int n = snprintf(text + used, sizeof(text) - used, "%sL%s%s %s (processors %s)", used ? ", " : "", level,
                         type[0] == 'D'   ? "d"
                         : type[0] == 'I' ? "i"
                                          : "",
                         size, shared);
        used += n > 0 ? (size_t)n : 0;
    }
    if (text[0]) {
        log_line(log, "caches of processor 0: %s", text);
    }
}

static void describe_frequency(struct fscnn_log log) {
    long long now = 0, max = 0;
    char mhz[64], governor[64];
    const char *const base = "/sys/devices/system/cpu/cpu0/cpufreq/";
    char path[128];
    snprintf(path, sizeof(path), "%sscaling_cur_freq", base);
    if (proc_number(path, &now)) {
        snprintf(path, sizeof(path), "%scpuinfo_max_freq", base);
        bool has_max = proc_number(path, &max);
        snprintf(path, sizeof(path), "%sscaling_governor", base);
        bool has_governor = proc_line(path, governor, sizeof(governor));
        snprintf(mhz, sizeof(mhz), ", at most %.0f MHz", (double)max / 1000);
        log_line(log, "frequency: %.0f MHz now%s%s%s", (double)now / 1000, has_max ? mhz : "",
                 has_governor ? ", governor " : "", has_governor ? governor : "");
    } else if (proc_value("/proc/cpuinfo", "cpu MHz", mhz, sizeof(mhz))) {
        log_line(log, "frequency: %.0f MHz", strtod(mhz, NULL));
    }
}

/* Adds what a pattern of sensor files says in thousandths of a degree; keeps the hottest. */
static void hottest(const char *pattern, long long *celsius_1000) {
    glob_t files;
    if (glob(pattern, 0, NULL, &files) != 0) {
        return;
    }
    for (size_t i = 0; i < files.gl_pathc; i++) {
        long long value;
        if (proc_number(files.gl_pathv[i], &value) && value > *celsius_1000 && value < 200000) {
            *celsius_1000 = value;
        }
    }
    globfree(&files);
}

static void describe_temperature(struct fscnn_log log) {
    long long celsius_1000 = 0;
    hottest("/sys/class/thermal/thermal_zone*/temp", &celsius_1000);
    if (celsius_1000 == 0) {
        hottest("/sys/class/hwmon/hwmon*/temp*_input", &celsius_1000);
    }
    if (celsius_1000 > 0) {
        log_line(log, "temperature: %.1f C (the hottest sensor)", (double)celsius_1000 / 1000);
    }
}

static void describe_memory(struct fscnn_log log) {
    char total[64], available[64], limit_text[128] = "", huge[64] = "", pages[128];
    const struct cgroup_memory group = cgroup_memory(&cgroup_here);
    if (!proc_value("/proc/meminfo", "MemTotal", total, sizeof(total)) ||
        !proc_value("/proc/meminfo", "MemAvailable", available, sizeof(available))) {
        return;
    }
    double total_bytes = 1024 * strtod(total, NULL), left = 1024 * strtod(available, NULL);
    if ((double)group.limit < total_bytes) {
        snprintf(limit_text, sizeof(limit_text), ", limited to %.1f GB by a control group (%.1f GB of it left)",
                 (double)group.limit / 1e9, (double)group.left / 1e9);
    }
    if (proc_line("/sys/kernel/mm/transparent_hugepage/enabled", pages, sizeof(pages))) {
        const char *open = strchr(pages, '['), *close = open ? strchr(open, ']') : NULL; /* always [madvise] never */
        if (close) {
            snprintf(huge, sizeof(huge), ", huge pages: %.*s", (int)(close - open - 1), open + 1);
        }
    }
    log_line(log, "memory: %.1f GB, %.1f GB available%s%s", total_bytes / 1e9, left / 1e9, limit_text, huge);
}

static void describe_load(struct fscnn_log log) {
    char line[128];
    double one, five, fifteen;
    if (proc_line("/proc/loadavg", line, sizeof(line)) && sscanf(line, "%lf %lf %lf", &one, &five, &fifteen) == 3) {
        log_line(log, "load: %.2f (1 minute), %.2f (5), %.2f (15)", one, five, fifteen);
    }
}

void fscnn_cpu_describe(struct fscnn_log log) {
    describe_processor(log);
    describe_cores(log);
    describe_instructions(log);
    describe_caches(log);
    describe_frequency(log);
    describe_temperature(log);
    describe_memory(log);
    describe_load(log);
}
