/* A main() for fuzz targets without libFuzzer: replays files, and simple mutations of each, as an ordinary test.
 *
 *   replay_NAME [CORPUS [FILE | FOLDER]...]
 *
 * CORPUS, the first file or folder, must be there and hold something.
 * Prints TAP, one case per file. Mutations are drawn from a generator seeded with the file's bytes, so that a failure
 * comes back on the next run; FASTSCNN_REPLAY_MUTATIONS sets their number for each file. The input under test when the
 * program dies is saved as crash-PROGRAM.bin in the current folder. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MUTATIONS = 64, MUTATION_SECONDS = 60, MAX_FILE_BYTES = 1 << 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Present when a sanitizer is linked in; it replaces the signal handlers below, which would hide its report. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static const uint8_t *current_data;
static size_t current_size;
static int cases;
static char crash_name[256] = "crash.bin";

static void save_current(void) {
    int fd = open(crash_name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0) {
        ssize_t written = write(fd, current_data, current_size);
        (void)written;
        close(fd);
    }
}

static void on_signal(int number) {
    save_current();
    signal(number, SIG_DFL);
    raise(number);
}

static void run_one(const uint8_t *data, size_t size) {
    /* A copy of the exact size, so that a read past the end is one that a sanitizer sees. */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, data, size);
    current_data = copy;
    current_size = size;
    alarm(MUTATION_SECONDS);
    LLVMFuzzerTestOneInput(copy, size);
    alarm(0);
    current_size = 0;
    free(copy);
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t seed_of(const uint8_t *data, size_t size) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * 0x100000001b3u;
    }
    return hash ? hash : 1;
}

static void flip_bytes(uint8_t *data, size_t size, uint64_t *state) {
    size_t count = 1 + next_random(state) % 8;
    for (size_t i = 0; i < count; i++) {
        data[next_random(state) % size] ^= (uint8_t)(1 + next_random(state) % 255);
    }
}

/* Writes a number that a size or offset field would rather not hold. */
static void plant_number(uint8_t *data, size_t size, uint64_t *state) {
    static const uint64_t numbers[] = {0,          1,           0x7f,      0xff,       0x7fffffff,
                                       0x80000000, 0xffffffffu, INT64_MAX, UINT64_MAX, 0x100000000u};
    uint64_t number = numbers[next_random(state) % (sizeof(numbers) / sizeof(numbers[0]))];
    size_t width = (size_t)1 << next_random(state) % 4;
    if (width > size) {
        width = size;
    }
    memcpy(data + next_random(state) % (size - width + 1), &number, width);
}

static size_t remove_span(uint8_t *data, size_t size, uint64_t *state) {
    size_t start = next_random(state) % size;
    size_t count = 1 + next_random(state) % 32;
    if (count > size - start) {
        count = size - start;
    }
    memmove(data + start, data + start + count, size - start - count);
    return size - count;
}

/* Changes data [size] in place; returns the new, never larger size. */
static size_t mutate(uint8_t *data, size_t size, uint64_t *state) {
    switch (next_random(state) % 5) {
    case 0: return next_random(state) % size;
    case 1: return remove_span(data, size, state);
    case 2: plant_number(data, size, state); return size;
    default: flip_bytes(data, size, state); return size;
    }
}

static void replay_bytes(const char *name, const uint8_t *data, size_t size) {
    const char *wanted = getenv("FASTSCNN_REPLAY_MUTATIONS");
    long mutations = wanted ? strtol(wanted, NULL, 10) : MUTATIONS;
    uint64_t state = seed_of(data, size);
    run_one(data, size);
    uint8_t *changed = malloc(size ? size : 1);
    if (!changed) {
        abort();
    }
    for (long i = 0; i < mutations && size > 0; i++) {
        memcpy(changed, data, size);
        run_one(changed, mutate(changed, size, &state));
    }
    free(changed);
    printf("ok %d - %s\n", ++cases, name);
    fflush(stdout);
}

static bool replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(MAX_FILE_BYTES);
    bool good = file && data;
    if (good) {
        size_t size = fread(data, 1, MAX_FILE_BYTES, file);
        good = !ferror(file) && fgetc(file) == EOF;
        if (good) {
            replay_bytes(path, data, size);
        }
    }
    if (!good) {
        printf("not ok %d - %s: cannot be read, or has more than %d bytes\n", ++cases, path, MAX_FILE_BYTES);
    }
    free(data);
    if (file) {
        fclose(file);
    }
    return good;
}

static int is_visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* A missing folder is an empty one: a target need not have crashed yet. */
static bool replay_path(const char *path) {
    struct stat facts;
    if (stat(path, &facts) != 0) {
        return true;
    }
    if (!S_ISDIR(facts.st_mode)) {
        return replay_file(path);
    }
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, alphasort);
    bool good = count >= 0;
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
        good = replay_path(inner) && good;
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return good;
}

int main(int argc, char **argv) {
    const char *slash = strrchr(argv[0], '/');
    snprintf(crash_name, sizeof(crash_name), "crash-%s.bin", slash ? slash + 1 : argv[0]);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(save_current);
    } else {
        signal(SIGSEGV, on_signal);
        signal(SIGBUS, on_signal);
        signal(SIGFPE, on_signal);
        signal(SIGABRT, on_signal);
    }
    signal(SIGALRM, on_signal);
    replay_bytes("no bytes at all", (const uint8_t *)"", 0);
    bool good = true;
    for (int i = 1; i < argc; i++) {
        int before = cases;
        good = replay_path(argv[i]) && good;
        if (i == 1 && cases == before) {
            printf("not ok %d - %s: no file in it\n", ++cases, argv[i]);
            good = false;
        }
    }
    printf("1..%d\n", cases);
    return good ? 0 : 1;
}
