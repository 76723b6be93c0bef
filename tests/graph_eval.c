#include "graph_eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t shape_count(struct shape shape) { return (size_t)shape.h * (size_t)shape.w * (size_t)shape.c; }

static size_t at(struct shape s, int y, int x, int c) {
    return ((size_t)y * (size_t)s.w + (size_t)x) * (size_t)s.c + c;
}

void nchw_to_nhwc(struct shape s, const float *nchw, float *nhwc) {
    for (int c = 0; c < s.c; c++) {
        for (int y = 0; y < s.h; y++) {
            for (int x = 0; x < s.w; x++) {
                nhwc[at(s, y, x, c)] = nchw[((size_t)c * s.h + y) * s.w + x];
            }
        }
    }
}

void nhwc_to_nchw(struct shape s, const float *nhwc, float *nchw) {
    for (int c = 0; c < s.c; c++) {
        for (int y = 0; y < s.h; y++) {
            for (int x = 0; x < s.w; x++) {
                nchw[((size_t)c * s.h + y) * s.w + x] = nhwc[at(s, y, x, c)];
            }
        }
    }
}

/* One output value; positions outside the picture count as zeros. */
static float conv_at(const struct conv_attr *a, struct shape in_shape, const float *in, int y, int x, int o) {
    int group_in = in_shape.c / a->groups;
    int first_in = o / (a->out_channels / a->groups) * group_in;
    double sum = a->bias ? a->bias[o] : 0;
    for (int ky = 0; ky < a->kh; ky++) {
        for (int kx = 0; kx < a->kw; kx++) {
            int iy = y * a->stride_h - a->pad_top + ky;
            int ix = x * a->stride_w - a->pad_left + kx;
            if (iy < 0 || iy >= in_shape.h || ix < 0 || ix >= in_shape.w) {
                continue;
            }
            const float *weights = a->weights + (((size_t)o * a->kh + ky) * a->kw + kx) * group_in;
            for (int c = 0; c < group_in; c++) {
                sum += (double)weights[c] * in[at(in_shape, iy, ix, first_in + c)];
            }
        }
    }
    return (float)sum;
}

static void eval_conv(const struct node *node, struct shape in_shape, const float *in, float *out) {
    for (int y = 0; y < node->shape.h; y++) {
        for (int x = 0; x < node->shape.w; x++) {
            for (int o = 0; o < node->shape.c; o++) {
                out[at(node->shape, y, x, o)] = conv_at(&node->attr.conv, in_shape, in, y, x, o);
            }
        }
    }
}

static void eval_affine(const struct node *node, const float *in, float *out) {
    const struct affine_attr *a = &node->attr.affine;
    for (size_t i = 0; i < shape_count(node->shape); i++) {
        size_t c = i % (size_t)node->shape.c;
        out[i] = (float)(in[i] * a->scale[c] + a->shift[c]);
    }
}

static void eval_clamp(const struct node *node, const float *in, float *out) {
    for (size_t i = 0; i < shape_count(node->shape); i++) {
        out[i] = fminf(fmaxf(in[i], node->attr.clamp.low), node->attr.clamp.high);
    }
}

static void eval_concat(const struct graph *g, const struct node *node, float **values, float *out) {
    int first = 0; /* channel of `out` where this input begins */
    for (int i = 0; i < node->num_inputs; i++) {
        struct shape in_shape = g->nodes[node->inputs[i]].shape;
        for (int y = 0; y < in_shape.h; y++) {
            for (int x = 0; x < in_shape.w; x++) {
                memcpy(&out[at(node->shape, y, x, first)], &values[node->inputs[i]][at(in_shape, y, x, 0)],
                       (size_t)in_shape.c * sizeof(float));
            }
        }
        first += in_shape.c;
    }
}

static void eval_pad(const struct node *node, struct shape in_shape, const float *in, float *out) {
    memset(out, 0, shape_count(node->shape) * sizeof(float));
    for (int y = 0; y < in_shape.h; y++) {
        for (int x = 0; x < in_shape.w; x++) {
            memcpy(&out[at(node->shape, y + node->attr.pad.top, x + node->attr.pad.left, 0)],
                   &in[at(in_shape, y, x, 0)], (size_t)in_shape.c * sizeof(float));
        }
    }
}

static void eval_pool(const struct node *node, struct shape in_shape, const float *in, float *out) {
    const struct pool_axis *h = &node->attr.pool.h, *w = &node->attr.pool.w;
    for (int y = 0; y < h->bins; y++) {
        for (int x = 0; x < w->bins; x++) {
            for (int c = 0; c < in_shape.c; c++) {
                double sum = 0;
                for (int iy = h->start[y]; iy < h->end[y]; iy++) {
                    for (int ix = w->start[x]; ix < w->end[x]; ix++) {
                        sum += in[at(in_shape, iy, ix, c)];
                    }
                }
                out[at(node->shape, y, x, c)] = (float)(sum / ((double)h->divisor[y] * w->divisor[x]));
            }
        }
    }
}

/* Where output position i of an axis reads the input, in float32 as the models' own frameworks compute it. */
static float resize_position(float scale, float offset, int i, int size) {
    float position = scale * (float)i + offset;
    return fminf(fmaxf(position, 0), (float)(size - 1));
}

static int nearest_index(enum resize_mode mode, float position) {
    switch (mode) {
    case RESIZE_NEAREST_FLOOR: return (int)floorf(position);
    case RESIZE_NEAREST_CEIL: return (int)ceilf(position);
    case RESIZE_NEAREST_ROUND_DOWN: return (int)ceilf(position - 0.5F);
    default: return (int)floorf(position + 0.5F);
    }
}

static float linear_at(struct shape s, const float *in, float y, float x, int c) {
    int y0 = (int)y, x0 = (int)x;
    int y1 = y0 + 1 < s.h ? y0 + 1 : y0, x1 = x0 + 1 < s.w ? x0 + 1 : x0;
    double fy = (double)y - y0, fx = (double)x - x0;
    double upper = in[at(s, y0, x0, c)] * (1 - fx) + in[at(s, y0, x1, c)] * fx;
    double lower = in[at(s, y1, x0, c)] * (1 - fx) + in[at(s, y1, x1, c)] * fx;
    return (float)(upper * (1 - fy) + lower * fy);
}

static void eval_resize(const struct node *node, struct shape in_shape, const float *in, float *out) {
    const struct resize_attr *a = &node->attr.resize;
    for (int y = 0; y < a->out_h; y++) {
        float py = resize_position(a->scale_h, a->offset_h, y, in_shape.h);
        for (int x = 0; x < a->out_w; x++) {
            float px = resize_position(a->scale_w, a->offset_w, x, in_shape.w);
            for (int c = 0; c < in_shape.c; c++) {
                out[at(node->shape, y, x, c)] =
                    a->mode == RESIZE_LINEAR
                        ? linear_at(in_shape, in, py, px, c)
                        : in[at(in_shape, nearest_index(a->mode, py), nearest_index(a->mode, px), c)];
            }
        }
    }
}

static void eval_softmax(struct shape s, const float *in, float *out) {
    for (size_t pixel = 0; pixel < (size_t)s.h * (size_t)s.w; pixel++) {
        const float *x = in + pixel * (size_t)s.c;
        float largest = x[0];
        double sum = 0;
        for (int c = 1; c < s.c; c++) {
            largest = fmaxf(largest, x[c]);
        }
        for (int c = 0; c < s.c; c++) {
            sum += exp((double)x[c] - largest);
        }
        for (int c = 0; c < s.c; c++) {
            out[pixel * (size_t)s.c + c] = (float)(exp((double)x[c] - largest) / sum);
        }
    }
}

/* The class number as a float; the lower of equal ones. */
static void eval_argmax(struct shape in_shape, const float *in, float *out) {
    for (size_t pixel = 0; pixel < (size_t)in_shape.h * (size_t)in_shape.w; pixel++) {
        const float *x = in + pixel * (size_t)in_shape.c;
        int best = 0;
        for (int c = 1; c < in_shape.c; c++) {
            best = x[c] > x[best] ? c : best;
        }
        out[pixel] = (float)best;
    }
}

/* What passes may have hung onto the node: an addend, then a clamp. */
static void eval_epilogue(const struct node *node, float **values, float *out) {
    const float *addend = node->has_addend ? values[node->inputs[node->num_inputs - 1]] : NULL;
    for (size_t i = 0; i < shape_count(node->shape); i++) {
        out[i] += addend ? addend[i] : 0;
        out[i] = node->has_clamp ? fminf(fmaxf(out[i], node->low), node->high) : out[i];
    }
}

static void eval_node(const struct graph *g, const struct node *node, const float *image, float **values, float *out) {
    const float *in = node->num_inputs > 0 ? values[node->inputs[0]] : image;
    struct shape in_shape = node->num_inputs > 0 ? g->nodes[node->inputs[0]].shape : node->shape;
    switch (node->op) {
    case OP_INPUT: memcpy(out, image, shape_count(node->shape) * sizeof(float)); break;
    case OP_CONV: eval_conv(node, in_shape, in, out); break;
    case OP_AFFINE: eval_affine(node, in, out); break;
    case OP_CLAMP: eval_clamp(node, in, out); break;
    case OP_ADD:
        for (size_t i = 0; i < shape_count(node->shape); i++) {
            out[i] = in[i] + values[node->inputs[1]][i];
        }
        break;
    case OP_CONCAT: eval_concat(g, node, values, out); break;
    case OP_PAD: eval_pad(node, in_shape, in, out); break;
    case OP_POOL: eval_pool(node, in_shape, in, out); break;
    case OP_RESIZE: eval_resize(node, in_shape, in, out); break;
    case OP_SOFTMAX: eval_softmax(in_shape, in, out); break;
    case OP_ARGMAX: eval_argmax(in_shape, in, out); break;
    case OP_COUNT: abort();
    }
    if (node->has_addend || node->has_clamp) {
        eval_epilogue(node, values, out);
    }
}

static void *allocate(size_t count, size_t size) {
    void *data = calloc(count ? count : 1, size);
    if (!data) {
        fprintf(stderr, "graph_eval: out of memory\n");
        abort();
    }
    return data;
}

float **graph_eval_nodes(const struct graph *graph, const float *image_nhwc) {
    struct fscnn_error err = {0};
    int count = 0;
    int *order = allocate((size_t)graph->num_nodes, sizeof(int));
    float **values = allocate((size_t)graph->num_nodes, sizeof(float *));
    if (graph_order(graph, order, &count, &err) != FSCNN_OK) {
        fprintf(stderr, "graph_eval: %s\n", err.text);
        abort();
    }
    for (int i = 0; i < count; i++) {
        const struct node *node = &graph->nodes[order[i]];
        values[order[i]] = allocate(shape_count(node->shape), sizeof(float));
        eval_node(graph, node, image_nhwc, values, values[order[i]]);
    }
    free(order);
    return values;
}

void graph_eval_free(const struct graph *graph, float **values) {
    for (int i = 0; values && i < graph->num_nodes; i++) {
        free(values[i]);
    }
    free(values);
}

void graph_eval(const struct graph *graph, const float *image_nhwc, float *out) {
    float **values = graph_eval_nodes(graph, image_nhwc);
    memcpy(out, values[graph->output], shape_count(graph->nodes[graph->output].shape) * sizeof(float));
    graph_eval_free(graph, values);
}
