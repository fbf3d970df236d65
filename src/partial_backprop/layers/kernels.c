/* Passes over memory that torch's processor kernels do not offer, for one thread and float32.

   Tensors lie as (N, H, W, C), C last: x[row * c + k] with row = (n * H + h) * W + w. Callers check shapes.
   No sum is reordered (no -ffast-math): the same build gives the same bits. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#define SIMD _Pragma("omp simd")
typedef ptrdiff_t size;

/* ---- Winograd's convolution F(4 x 4, 3 x 3): Lavin and Gray, "Fast algorithms for convolutional neural
   networks", CVPR 2016. Tiles of 6 x 6 inputs give 4 x 4 outputs by 36 products instead of 144. ---- */

/* One dimension of the input's transform, B^T d. */
static void transform_input(const float *restrict d0, const float *restrict d1, const float *restrict d2,
                            const float *restrict d3, const float *restrict d4, const float *restrict d5,
                            float *restrict t, size step, size c) {
    float *restrict t0 = t, *restrict t1 = t + step, *restrict t2 = t + 2 * step;
    float *restrict t3 = t + 3 * step, *restrict t4 = t + 4 * step, *restrict t5 = t + 5 * step;
    SIMD for (size k = 0; k < c; k++) {
        float e0 = d0[k], e1 = d1[k], e2 = d2[k], e3 = d3[k], e4 = d4[k], e5 = d5[k];
        t0[k] = 4 * e0 - 5 * e2 + e4;
        t1[k] = (e3 + e4) - 4 * (e1 + e2);
        t2[k] = 4 * (e1 - e2) + (e4 - e3);
        t3[k] = 2 * (e3 - e1) + (e4 - e2);
        t4[k] = 2 * (e1 - e3) + (e4 - e2);
        t5[k] = 4 * e1 - 5 * e3 + e5;
    }
}

/* One dimension of the output's transform, A^T m; with `bias` where it is the second one. */
static void transform_output(const float *restrict m, size step_in, float *restrict t, size step, size c,
                             const float *restrict bias) {
    const float *restrict m0 = m, *restrict m1 = m + step_in, *restrict m2 = m + 2 * step_in;
    const float *restrict m3 = m + 3 * step_in, *restrict m4 = m + 4 * step_in, *restrict m5 = m + 5 * step_in;
    float *restrict t0 = t, *restrict t1 = t + step, *restrict t2 = t + 2 * step, *restrict t3 = t + 3 * step;
    SIMD for (size k = 0; k < c; k++) {
        float b = bias ? bias[k] : 0.0f;
        float p = m1[k] + m2[k], q = m1[k] - m2[k], u = m3[k] + m4[k], v = m3[k] - m4[k];
        t0[k] = m0[k] + p + u + b;
        t1[k] = q + 2 * v + b;
        t2[k] = p + 4 * u + b;
        t3[k] = q + 8 * v + m5[k] + b;
    }
}

/* x (n, h, w, c) -> tiles (36, n h/4 w/4, c); scratch holds 37 c numbers. */
void winograd_input(const float *x, float *tiles, float *scratch, size n, size h, size w, size c) {
    float *zero = scratch + 36 * c;
    size tile = 0, step = n * (h / 4) * (w / 4) * c;
    memset(zero, 0, c * sizeof(float));
    for (size i = 0; i < n; i++)
        for (size a = 0; a < h; a += 4)
            for (size b = 0; b < w; b += 4, tile++) {
                for (size r = 0; r < 6; r++) {
                    size y = a + r - 1;
                    float *out = scratch + 6 * r * c;
                    if (y < 0 || y >= h) {
                        memset(out, 0, 6 * c * sizeof(float));
                        continue;
                    }
                    const float *row = x + ((i * h + y) * w + b) * c;
                    transform_input(b ? row - c : zero, row, row + c, row + 2 * c, row + 3 * c,
                                    b + 4 < w ? row + 4 * c : zero, out, c, c);
                }
                for (size s = 0; s < 6; s++) {
                    const float *e = scratch + s * c;
                    transform_input(e, e + 6 * c, e + 12 * c, e + 18 * c, e + 24 * c, e + 30 * c,
                                    tiles + s * step + tile * c, 6 * step, c);
                }
            }
}

/* tiles (36, n h/4 w/4, c) -> y (n, h, w, c); bias of c numbers or NULL; scratch holds 24 c numbers. */
void winograd_output(const float *tiles, float *y, const float *bias, float *scratch, size n, size h, size w,
                     size c) {
    size tile = 0, step = n * (h / 4) * (w / 4) * c;
    for (size i = 0; i < n; i++)
        for (size a = 0; a < h; a += 4)
            for (size b = 0; b < w; b += 4, tile++) {
                for (size s = 0; s < 6; s++)
                    transform_output(tiles + s * step + tile * c, 6 * step, scratch + s * c, 6 * c, c, NULL);
                for (size r = 0; r < 4; r++)
                    transform_output(scratch + 6 * r * c, c, y + ((i * h + a + r) * w + b) * c, c, c, bias);
            }
}

/* One dimension of a filter's transform, G g. */
static void transform_filter(const float *restrict g0, const float *restrict g1, const float *restrict g2,
                             float *restrict t, size step, size c) {
    float *restrict t0 = t, *restrict t1 = t + step, *restrict t2 = t + 2 * step;
    float *restrict t3 = t + 3 * step, *restrict t4 = t + 4 * step, *restrict t5 = t + 5 * step;
    SIMD for (size k = 0; k < c; k++) {
        float even = g0[k] + g2[k], far = g0[k] * (1.0f / 24) + g2[k] * (1.0f / 6), mid = g1[k] * (1.0f / 12);
        t0[k] = g0[k] * 0.25f;
        t1[k] = (even + g1[k]) * (-1.0f / 6);
        t2[k] = (even - g1[k]) * (-1.0f / 6);
        t3[k] = far + mid;
        t4[k] = far - mid;
        t5[k] = g2[k];
    }
}

/* w (f, 3, 3, c) -> filters (36, f, c), turned by 180 degrees if `flip`; scratch holds 18 c numbers. */
void winograd_filters(const float *w, float *filters, float *scratch, size f, size c, size flip) {
    for (size i = 0; i < f; i++) {
        const float *taps = w + 9 * i * c;
        for (size s = 0; s < 3; s++) {
            const float *first = taps + (flip ? 8 - s : s) * c;
            size step = flip ? -3 * c : 3 * c;
            transform_filter(first, first + step, first + 2 * step, scratch + s * c, 3 * c, c);
        }
        for (size r = 0; r < 6; r++) {
            const float *row = scratch + 3 * r * c;
            transform_filter(row, row + c, row + 2 * c, filters + (6 * r * f + i) * c, f * c, c);
        }
    }
}

/* ---- Batch normalisation with what follows it: an addend or none, a rectifier or none. ----
   x, y and their gradients have `rows` rows of c numbers. Inner loops run over `period` = c * r numbers at once,
   with vectors of one number per channel repeated r times, so that they are long for few channels too. */

#define CHUNK 64 /* times `period` numbers are summed in float32 before they go into a double */

static void repeat(float *vector, size c, size period) {
    for (size at = c; at < period; at += c) memcpy(vector + at, vector, c * sizeof(float));
}

static void fold(double *sums, size c, size period) {
    for (size at = c; at < period; at += c)
        for (size k = 0; k < c; k++) sums[k] += sums[at + k];
}

/* Sums over rows of x - centre and of its square: sums (2, period), whose first c of each are the result. */
static void sum_inputs(const float *restrict x, const float *restrict centre, double *restrict sums,
                       float *restrict partial, size count, size c, size period) {
    float *restrict s = partial, *restrict q = partial + period;
    memset(sums, 0, 2 * period * sizeof(double));
    for (size start = 0; start < count; start += CHUNK * period) {
        memset(partial, 0, 2 * period * sizeof(float));
        for (size at = start; at < count && at < start + CHUNK * period; at += period) {
            size end = count - at < period ? count - at : period;
            const float *restrict row = x + at;
            SIMD for (size k = 0; k < end; k++) {
                float d = row[k] - centre[k];
                s[k] += d;
                q[k] += d * d;
            }
        }
        SIMD for (size k = 0; k < 2 * period; k++) sums[k] += partial[k];
    }
    fold(sums, c, period);
    fold(sums + period, c, period);
}

/* y = rectified(x * scale + shift + addend). NaN stays NaN. */
static void normalise(const float *restrict x, const float *restrict addend, float *restrict y,
                      const float *restrict scale, const float *restrict shift, size count, size period,
                      size rectify) {
    for (size at = 0; at < count; at += period) {
        size end = count - at < period ? count - at : period;
        const float *restrict row = x + at;
        float *restrict out = y + at;
        if (addend) {
            const float *restrict add = addend + at;
            if (rectify) {
                SIMD for (size k = 0; k < end; k++) {
                    float v = row[k] * scale[k] + shift[k] + add[k];
                    out[k] = v <= 0 ? 0 : v;
                }
            } else {
                SIMD for (size k = 0; k < end; k++) out[k] = row[k] * scale[k] + shift[k] + add[k];
            }
        } else if (rectify) {
            SIMD for (size k = 0; k < end; k++) {
                float v = row[k] * scale[k] + shift[k];
                out[k] = v <= 0 ? 0 : v;
            }
        } else {
            SIMD for (size k = 0; k < end; k++) out[k] = row[k] * scale[k] + shift[k];
        }
    }
}

/* scratch holds 6 period doubles. Where `training`, mean and variance are the batch's and
   the running ones follow; else they are the running ones. `mean` and `inverse` (1 / standard deviation) keep c
   doubles each for the backward pass. */
void batch_norm_forward(const float *x, const float *addend, float *y, const float *weight, const float *bias,
                        float *running_mean, float *running_variance, double *mean, double *inverse,
                        double *scratch, double momentum, double eps, size rows, size c, size period, size training,
                        size rectify) {
    double *sums = scratch;
    float *scale = (float *)(scratch + 2 * period), *shift = scale + period, *partial = shift + period;
    if (training) {
        memcpy(scale, x, c * sizeof(float)); /* the centre: any value near the mean saves digits of the variance */
        repeat(scale, c, period);
        sum_inputs(x, scale, sums, partial, rows * c, c, period);
    }
    for (size k = 0; k < c; k++) {
        double m = running_mean[k], variance = running_variance[k];
        if (training) {
            double d = sums[k] / rows;
            m = x[k] + d;
            variance = sums[period + k] / rows - d * d;
            variance = variance < 0 ? 0 : variance;
            running_mean[k] = (float)((1 - momentum) * running_mean[k] + momentum * m);
            running_variance[k] =
                (float)((1 - momentum) * running_variance[k] + momentum * variance * rows / (rows - 1));
        }
        mean[k] = m;
        inverse[k] = 1 / sqrt(variance + eps);
    }
    for (size k = 0; k < c; k++) {
        scale[k] = (float)(weight[k] * inverse[k]);
        shift[k] = (float)(bias[k] - mean[k] * weight[k] * inverse[k]);
    }
    repeat(scale, c, period);
    repeat(shift, c, period);
    normalise(x, addend, y, scale, shift, rows * c, period, rectify);
}

/* Sums over rows of g and of g (x - mean), with g = dy where y > 0; y may be NULL, then g = dy. g is kept in `g`,
   unless that is NULL. */
static void sum_gradients(const float *restrict dy, const float *restrict y, const float *restrict x,
                          float *restrict g, const float *restrict mean, double *restrict sums,
                          float *restrict partial, size count, size c, size period) {
    float *restrict s = partial, *restrict q = partial + period;
    memset(sums, 0, 2 * period * sizeof(double));
    for (size start = 0; start < count; start += CHUNK * period) {
        memset(partial, 0, 2 * period * sizeof(float));
        for (size at = start; at < count && at < start + CHUNK * period; at += period) {
            size end = count - at < period ? count - at : period;
            const float *restrict row = x + at, *restrict up = dy + at;
            if (y && g) {
                const float *restrict out = y + at;
                float *restrict keep = g + at;
                SIMD for (size k = 0; k < end; k++) {
                    float v = out[k] <= 0 ? 0 : up[k];
                    keep[k] = v;
                    s[k] += v;
                    q[k] += v * (row[k] - mean[k]);
                }
            } else if (y) {
                const float *restrict out = y + at;
                SIMD for (size k = 0; k < end; k++) {
                    float v = out[k] <= 0 ? 0 : up[k];
                    s[k] += v;
                    q[k] += v * (row[k] - mean[k]);
                }
            } else {
                SIMD for (size k = 0; k < end; k++) {
                    s[k] += up[k];
                    q[k] += up[k] * (row[k] - mean[k]);
                }
            }
        }
        SIMD for (size k = 0; k < 2 * period; k++) sums[k] += partial[k];
    }
    fold(sums, c, period);
    fold(sums + period, c, period);
}

/* Gradients of a batch normalisation. y: its rectified output, or NULL where nothing was rectified. g: where to keep
   the gradient before the rectifier, which is the addend's, or NULL. dx: NULL where not wanted. carried: what is added
   to dx, rows `stride` numbers apart, or NULL. scratch as above. */
void batch_norm_backward(const float *dy, const float *y, const float *x, float *g, float *dx, const float *weight,
                         float *of_weight, float *of_bias, const double *mean, const double *inverse,
                         double *scratch, const float *carried, size stride, size rows, size c, size period,
                         size training) {
    double *sums = scratch;
    float *a = (float *)(scratch + 2 * period), *b = a + period, *d = b + period, *partial = d + period;
    size count = rows * c;
    for (size k = 0; k < c; k++) a[k] = (float)mean[k];
    repeat(a, c, period);
    sum_gradients(dy, y, x, g, a, sums, partial, count, c, period);
    for (size k = 0; k < c; k++) {
        double scale = weight[k] * inverse[k], of_w = sums[period + k] * inverse[k];
        /* sums of g (x - mean) took the mean in float32: what that left out is taken off here. */
        of_w -= sums[k] * (mean[k] - (double)(float)mean[k]) * inverse[k];
        double slope = training ? -scale * inverse[k] * of_w / rows : 0;
        of_weight[k] = (float)of_w;
        of_bias[k] = (float)sums[k];
        a[k] = (float)scale;
        b[k] = (float)slope;
        d[k] = training ? (float)(-scale * sums[k] / rows - slope * mean[k]) : 0;
    }
    if (!dx) return;
    repeat(a, c, period);
    repeat(b, c, period);
    repeat(d, c, period);
    if (g) dy = g, y = NULL;
    if (carried) {
        for (size row = 0; row < rows; row++) {
            const float *restrict in = x + row * c, *restrict up = dy + row * c, *restrict out = y ? y + row * c : in;
            const float *restrict more = carried + row * stride;
            float *restrict to = dx + row * c;
            SIMD for (size k = 0; k < c; k++) {
                float v = y && out[k] <= 0 ? 0 : up[k];
                to[k] = a[k] * v + (b[k] * in[k] + d[k]) + more[k];
            }
        }
        return;
    }
    for (size at = 0; at < count; at += period) {
        size end = count - at < period ? count - at : period;
        const float *restrict row = x + at, *restrict up = dy + at;
        float *restrict to = dx + at;
        if (y) {
            const float *restrict out = y + at;
            SIMD for (size k = 0; k < end; k++) to[k] = a[k] * (out[k] <= 0 ? 0 : up[k]) + (b[k] * row[k] + d[k]);
        } else {
            SIMD for (size k = 0; k < end; k++) to[k] = a[k] * up[k] + (b[k] * row[k] + d[k]);
        }
    }
}

/* ---- Max-pooling of 2 x 2 with stride 2, and a rectifier behind it or none. Channels go by eights, for few too. ---- */

static inline void pool(const float *restrict x0, const float *restrict x1, const float *restrict x2,
                        const float *restrict x3, float *restrict out, int *restrict which, size count, int rectify) {
    SIMD for (size k = 0; k < count; k++) {
        float m = x0[k];
        int at = 0;
        /* NaN wins, as in torch. */
        at = (x1[k] > m) | (x1[k] != x1[k]) ? 1 : at, m = at == 1 ? x1[k] : m;
        at = (x2[k] > m) | (x2[k] != x2[k]) ? 2 : at, m = at == 2 ? x2[k] : m;
        at = (x3[k] > m) | (x3[k] != x3[k]) ? 3 : at, m = at == 3 ? x3[k] : m;
        at = rectify & (m <= 0) ? 4 : at;
        out[k] = at == 4 ? 0 : m;
        which[k] = at;
    }
}

static inline void spread(const float *restrict up, const unsigned char *restrict which, float *restrict x0,
                          float *restrict x1, float *restrict x2, float *restrict x3, size count) {
    int from[8];
    for (size k = 0; k < count; k++) from[k] = which[k];
    SIMD for (size k = 0; k < count; k++) {
        x0[k] = from[k] == 0 ? up[k] : 0;
        x1[k] = from[k] == 1 ? up[k] : 0;
        x2[k] = from[k] == 2 ? up[k] : 0;
        x3[k] = from[k] == 3 ? up[k] : 0;
    }
}

/* x (n, h, w, c) -> y (n, h/2, w/2, c); which of the four inputs each output is, or 4 where it was rectified. */
void max_pool_forward(const float *x, float *y, unsigned char *which, size n, size h, size w, size c, size rectify) {
    for (size row = 0; row < n * (h / 2); row++)
        for (size b = 0; b < w / 2; b++) {
            const float *x0 = x + ((row / (h / 2) * h + row % (h / 2) * 2) * w + 2 * b) * c, *x2 = x0 + w * c;
            size to = (row * (w / 2) + b) * c;
            for (size k = 0; k < c; k += 8) {
                int at[8];
                size count = c - k < 8 ? c - k : 8;
                if (count == 8)
                    pool(x0 + k, x0 + c + k, x2 + k, x2 + c + k, y + to + k, at, 8, (int)rectify);
                else
                    pool(x0 + k, x0 + c + k, x2 + k, x2 + c + k, y + to + k, at, count, (int)rectify);
                for (size l = 0; l < count; l++) which[to + k + l] = (unsigned char)at[l];
            }
        }
}

void max_pool_backward(const float *dy, const unsigned char *which, float *dx, size n, size h, size w, size c) {
    for (size row = 0; row < n * (h / 2); row++)
        for (size b = 0; b < w / 2; b++) {
            float *x0 = dx + ((row / (h / 2) * h + row % (h / 2) * 2) * w + 2 * b) * c, *x2 = x0 + w * c;
            size from = (row * (w / 2) + b) * c;
            for (size k = 0; k < c; k += 8) {
                if (c - k < 8)
                    spread(dy + from + k, which + from + k, x0 + k, x0 + c + k, x2 + k, x2 + c + k, c - k);
                else
                    spread(dy + from + k, which + from + k, x0 + k, x0 + c + k, x2 + k, x2 + c + k, 8);
            }
        }
}
