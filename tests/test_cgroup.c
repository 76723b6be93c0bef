/* What control groups leave, from files as the kernel writes them, made here. */
#include "base/cgroup.h"
#include "base/proc_file.h"
#include "folder.h"

#include <sys/stat.h>

static struct cgroup_place place;

/* A file below the test's folder, and the folders above it. */
static void put(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof(path), "%s", in_folder(name));
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int make_place(void **state) {
    static char list[512], root[512];
    const int failed = make_folder(state);
    snprintf(list, sizeof(list), "%s", in_folder("list"));
    snprintf(root, sizeof(root), "%s", in_folder("fs"));
    place = (struct cgroup_place){list, root};
    return failed;
}

static void test_version_2(void **state) {
    (void)state;
    put("list", "0::/system/app\n");
    put("fs/system/app/cpu.max", "max 100000\n");
    put("fs/system/app/memory.max", "max\n");
    put("fs/system/app/memory.current", "500\n");
    assert_true(cgroup_memory(&place).limit == UINT64_MAX);
    assert_true(cgroup_memory(&place).left == UINT64_MAX);
    assert_true(cgroup_cores(&place) == 0);
    put("fs/system/cpu.max", "150000 100000\n"); /* the limit of the folder above */
    put("fs/system/memory.max", "1000000\n");
    put("fs/system/memory.current", "700000\n");
    put("fs/system/memory.stat",
        "anon 400000\nfile 300000\ninactive_file 250000\nactive_file 20000\nslab_reclaimable 5000\n");
    assert_true(cgroup_cores(&place) == 1.5);
    assert_int_equal(cgroup_memory(&place).limit, 1000000);
    assert_int_equal(cgroup_memory(&place).left, 575000);
    put("fs/system/app/memory.max", "2000\n"); /* lower, and no memory.stat: nothing can be given back */
    assert_int_equal(cgroup_memory(&place).limit, 2000);
    assert_int_equal(cgroup_memory(&place).left, 1500);
    put("fs/system/app/memory.current", "2100\n");
    assert_int_equal(cgroup_memory(&place).left, 0);
}

static void test_version_1(void **state) {
    (void)state;
    put("list", "4:memory:/box/1\n3:cpu,cpuacct:/box/1\n1:name=systemd:/\n0::/\n");
    put("fs/memory/box/1/memory.limit_in_bytes", "9223372036854771712\n");
    put("fs/memory/box/1/memory.usage_in_bytes", "500\n");
    put("fs/cpu/box/1/cpu.cfs_quota_us", "-1\n");
    put("fs/cpu/box/1/cpu.cfs_period_us", "100000\n");
    assert_true(cgroup_memory(&place).left == UINT64_MAX);
    assert_true(cgroup_cores(&place) == 0);
    put("fs/memory/box/1/memory.limit_in_bytes", "3000000\n");
    put("fs/memory/box/1/memory.usage_in_bytes", "1000000\n");
    put("fs/memory/box/1/memory.stat", "inactive_file 7\ntotal_inactive_file 100000\ntotal_active_file 50000\n");
    put("fs/cpu/box/1/cpu.cfs_quota_us", "250000\n");
    assert_int_equal(cgroup_memory(&place).limit, 3000000);
    assert_int_equal(cgroup_memory(&place).left, 2150000);
    assert_true(cgroup_cores(&place) == 2.5);
}

/* Inside a container the list names the host's folder, which is not there; the container's own is the top. */
static void test_container(void **state) {
    (void)state;
    put("list", "5:memory:/docker/0123abcd\n0::/docker/0123abcd\n");
    put("fs/memory/memory.limit_in_bytes", "800\n");
    put("fs/memory/memory.usage_in_bytes", "300\n");
    assert_int_equal(cgroup_memory(&place).left, 500);
}

static void test_nothing(void **state) {
    (void)state;
    assert_true(cgroup_memory(&place).left == UINT64_MAX);
    assert_true(cgroup_cores(&place) == 0);
    put("list", "no colon\n4:memory\n:::\n0:\n");
    assert_true(cgroup_memory(&place).left == UINT64_MAX);
}

static void test_proc_value(void **state) {
    (void)state;
    char value[16];
    put("stat", "keyed 1\nkey: \nkey : two words\nkey 3\n");
    assert_true(proc_value(in_folder("stat"), "key", value, sizeof(value)));
    assert_string_equal(value, "two words");
    assert_false(proc_value(in_folder("stat"), "ke", value, sizeof(value)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_version_2, make_place, remove_folder),
        cmocka_unit_test_setup_teardown(test_version_1, make_place, remove_folder),
        cmocka_unit_test_setup_teardown(test_container, make_place, remove_folder),
        cmocka_unit_test_setup_teardown(test_nothing, make_place, remove_folder),
        cmocka_unit_test_setup_teardown(test_proc_value, make_place, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
