/* The end of the network: the last resize, then logits or the arg max.
 *
 * Labels take a short cut. Between four neighbouring source pixels every class's value is a blend of its values at the
 * four, with the same weights for all classes: the class that is the greatest at all four is the greatest everywhere
 * between them. So a group of output pixels is sampled only where the source pixels around it do not agree - along the
 * borders of things. */
#include <string.h>

#include "run/rows.h"
#include "run/session.h"

/* What the short cut keeps for the output rows between two source rows. */
struct cells {
    int32_t *todo;       /* groups whose source pixels disagree */
    uint8_t *settled;    /* [w]: the labels of all other groups */
    uint8_t *classes[2]; /* [in_width]: the greatest class of each pixel of the even and the odd source row */
};

static struct cells cells_of(const struct worker *w, int stage) {
    const struct stage *s = &plan_of(w)->stages[stage];
    const struct stage_layout *l = &layout_of(w)->stages[stage];
    char *at = w->scratch + l->cells;
    uint8_t *settled = (uint8_t *)at + (size_t)l->num_groups * sizeof(int32_t), *classes = settled + s->w;
    return (struct cells){
        (int32_t *)(void *)at, settled, {classes, classes + plan_source_shape(plan_of(w), s->inputs[0]).w}};
}

/* The arg max of each pixel of planes [channels, plane]: ties to the lower, a NaN wins only as the first. */
static void classify(const float *planes, size_t plane, int channels, int width, uint8_t *classes) {
    enum { PART = 64 };
    for (int x0 = 0; x0 < width; x0 += PART) {
        const int count = width - x0 < PART ? width - x0 : PART;
        float best[PART];
        int32_t label[PART] = {0};
        memcpy(best, planes + x0, (size_t)count * sizeof(*best));
        for (int c = 1; c < channels; c++) {
            const float *values = planes + (size_t)c * plane + x0;
            for (int x = 0; x < count; x++) {
                const bool more = values[x] > best[x];
                label[x] = more ? c : label[x];
                best[x] = more ? values[x] : best[x];
            }
        }
        for (int x = 0; x < count; x++) {
            classes[x0 + x] = (uint8_t)label[x];
        }
    }
}

/* Planar copy of a source row, kept for the output rows that share it. */
static const float *plane_row(struct worker *w, int stage, int row) {
    const struct stage *s = &plan_of(w)->stages[stage];
    const struct stage_layout *l = &layout_of(w)->stages[stage];
    float *planes = (float *)(void *)work_of(w, stage) + (size_t)(row & 1) * (size_t)s->c * l->plane;
    if (w->plane_rows[row & 1] != row) {
        struct rows rows = source_rows(w, s->inputs[0], row, 1);
        int width = plan_source_shape(plan_of(w), s->inputs[0]).w;
        w->session->kernels.deinterleave_f32((const float *)(void *)rows.data, rows.channels, width, s->c, planes,
                                             (ptrdiff_t)l->plane);
        w->plane_rows[row & 1] = row;
        if (w->session->output_type == FSCNN_OUTPUT_LABELS) {
            classify(planes, l->plane, s->c, width, cells_of(w, stage).classes[row & 1]);
        }
    }
    return planes;
}

/* Settles what the source rows of `at` settle. */
static void settle(struct worker *w, int stage, const struct tap *at) {
    const struct stage_layout *l = &layout_of(w)->stages[stage];
    const int width = plan_of(w)->stages[stage].w,
              last = plan_source_shape(plan_of(w), plan_of(w)->stages[stage].inputs[0]).w - 1;
    const struct cells cells = cells_of(w, stage);
    const uint8_t *upper = cells.classes[at->x0 & 1], *lower = cells.classes[at->x1 & 1];
    w->num_todo = 0;
    for (int g = 0; g < l->num_groups; g++) {
        const int from = l->groups[g].base, reach = from + l->groups[g].reach, to = reach < last ? reach : last;
        bool agree = true;
        for (int x = from; x <= to && agree; x++) {
            agree = upper[x] == upper[from] && lower[x] == upper[from];
        }
        if (!agree) {
            cells.todo[w->num_todo++] = g;
        }
        const int first = g * TAP_GROUP, count = width - first < TAP_GROUP ? width - first : TAP_GROUP;
        memset(cells.settled + first, upper[from], (size_t)count);
    }
    w->settled_rows[0] = at->x0;
    w->settled_rows[1] = at->x1;
}

/* Rows of logits that need more work before they are the caller's: softmax, half precision. */
static void finish_logits(struct worker *w, const struct stage *s, float *row_planes, size_t plane, int row) {
    const struct fscnn_session *session = w->session;
    size_t pixels = (size_t)s->h * (size_t)s->w, at = (size_t)row * (size_t)s->w;
    for (int x = 0; s->softmax && x < s->w; x++) {
        softmax_pixel(row_planes + x, s->c, (ptrdiff_t)plane);
    }
    for (int c = 0; c < s->c; c++) {
        const float *in = row_planes + (size_t)c * plane;
        if (session->output_type == FSCNN_OUTPUT_F16) {
            session->kernels.to_half(in, (size_t)s->w, (uint16_t *)session->output + (size_t)c * pixels + at);
        } else {
            memcpy((float *)session->output + (size_t)c * pixels + at, in, (size_t)s->w * sizeof(float));
        }
    }
}

static void run_labels(struct worker *w, int stage, int row, struct upsample_args *args) {
    const struct fscnn_session *session = w->session;
    const struct tap *at = &layout_of(w)->stages[stage].rows[row];
    const struct cells cells = cells_of(w, stage);
    if (w->settled_rows[0] != at->x0 || w->settled_rows[1] != at->x1) {
        settle(w, stage, at);
    }
    args->out = (uint8_t *)session->output + (size_t)row * (size_t)args->pixels;
    memcpy(args->out, cells.settled, (size_t)args->pixels);
    if (w->num_todo > 0) {
        args->todo = cells.todo;
        args->num_todo = w->num_todo;
        session->kernels.upsample_labels(args);
    }
}

void output_run(struct worker *w, int stage, int row) {
    const struct fscnn_session *session = w->session;
    const struct stage *s = &plan_of(w)->stages[stage];
    const struct stage_layout *l = &layout_of(w)->stages[stage];
    const struct tap *at = &l->rows[row];
    float *work = (float *)(void *)work_of(w, stage) + 2 * (size_t)s->c * l->plane;
    float *row_planes = work + (size_t)s->c * l->plane;
    struct upsample_args args = {
        .pixels = s->w,
        .channels = s->c,
        .in_width = plan_source_shape(plan_of(w), s->inputs[0]).w,
        .upper = plane_row(w, stage, at->x0),
        .lower = plane_row(w, stage, at->x1),
        .in_plane = (ptrdiff_t)l->plane,
        .fraction_y = at->fraction,
        .taps = l->columns,
        .groups = l->groups,
        .scratch = work,
    };
    if (session->output_type == FSCNN_OUTPUT_LABELS) {
        run_labels(w, stage, row, &args);
        return;
    }
    bool direct = session->output_type == FSCNN_OUTPUT_F32 && !s->softmax;
    args.out = direct ? (float *)session->output + (size_t)row * (size_t)s->w : row_planes;
    args.out_plane = direct ? (ptrdiff_t)s->h * s->w : (ptrdiff_t)l->row_plane;
    args.stream = direct;
    session->kernels.upsample_f32(&args);
    if (!direct) {
        finish_logits(w, s, row_planes, l->row_plane, row);
    }
}
