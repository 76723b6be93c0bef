#include "default_pictures.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "temporaries.h"

#include "scene.h" /* tools/street, the painter that street_scenes is made of */

enum { SERIES = 20220 }; /* streets that `street_scenes` does not paint unless told to */

static void picture_path(const struct default_pictures *pictures, int number, char *path, size_t size) {
    snprintf(path, size, "%s/scene_%02d.png", pictures->folder, number);
}

/* mkdtemp, noted. No signal comes in between: there is no other thread yet. */
static bool make_folder(char *template) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool made = mkdtemp(template) != NULL;
    const int cause = errno;
    if (made) {
        temporary_add(template);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = cause;
    return made;
}

enum fscnn_status default_pictures_make(int height, int width, struct default_pictures *out, struct fscnn_error *err) {
    struct canvas canvas = {0};
    size_t pixels = (size_t)width * (size_t)height;
    struct fscnn_picture picture = {.width = width, .height = height, .rgb = malloc(3 * pixels)};
    uint8_t *labels = malloc(pixels);
    enum fscnn_status status = FSCNN_OK;
    const char *temporary = getenv("TMPDIR");
    temporary = temporary && temporary[0] == '/' && strlen(temporary) < 200 ? temporary : "/tmp";
    *out = (struct default_pictures){.count = 0};
    snprintf(out->folder, sizeof(out->folder), "%s/fastscnn-scenes-XXXXXX", temporary);
    if (!picture.rgb || !labels || !canvas_create(&canvas, width, height)) {
        status = fail(err, FSCNN_ERROR_MEMORY, "out of memory for pictures to calibrate on");
        out->folder[0] = '\0';
    } else if (!make_folder(out->folder)) {
        status =
            fail(err, FSCNN_ERROR_IO, "%s: no folder for pictures to calibrate on: %s", temporary, strerror(errno));
        out->folder[0] = '\0';
    }
    while (status == FSCNN_OK && out->count < DEFAULT_PICTURES) {
        char path[300];
        draw_scene(&canvas, SERIES, out->count);
        canvas_develop(&canvas, (uint32_t)out->count + 1, picture.rgb, labels);
        picture_path(out, out->count++, path, sizeof(path));
        temporary_add(path);
        status = fscnn_picture_write_png(path, &picture, err);
    }
    canvas_free(&canvas);
    fscnn_picture_free(&picture);
    free(labels);
    return status;
}

void default_pictures_remove(struct default_pictures *pictures) {
    for (int i = 0; i < pictures->count; i++) {
        char path[300];
        picture_path(pictures, i, path, sizeof(path));
        remove(path);
        temporary_drop(path);
    }
    if (pictures->folder[0]) {
        rmdir(pictures->folder);
        temporary_drop(pictures->folder);
    }
    *pictures = (struct default_pictures){.count = 0};
}
