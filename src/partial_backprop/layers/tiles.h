/* Convolutions of 3 x 3 and 1 x 1 with stride 1 that keep a map's size, of bfloat16, on AMX: its tiles hold 16 rows of
   64 bytes, and one instruction multiplies 16 x 32 by 32 x 16 numbers and adds in float32. Weights and their gradients
   are float32, (f, r, r, c) in memory with r = 3 or 1. */
#include <immintrin.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TILE 512 /* numbers of bfloat16 in a tile */
#define GROUP (1 << 20) /* bytes of packed rows or images worked on at once: half of a core's cache */

typedef struct {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} tile_shapes;

static inline size least(size a, size b) { return a < b ? a : b; }
static inline size blocks(size a, size b) { return (a + b - 1) / b; }

/* Whether Linux lets this process use tiles. */
size tiles_ready(void) {
    static int asked, ready;
    if (!asked) ready = syscall(SYS_arch_prctl, 0x1023, 18) == 0, asked = 1; /* ARCH_REQ_XCOMP_PERM, TILEDATA */
    return ready;
}

/* Torch's own kernels remember the shapes that they have set: these are put back. */
static void begin(tile_shapes *before) {
    tile_shapes all = {.palette = 1};
    for (int i = 0; i < 8; i++) all.bytes[i] = 64, all.rows[i] = 16;
    _tile_storeconfig(before);
    _tile_loadconfig(&all);
}

static void end(const tile_shapes *before) {
    if (before->palette)
        _tile_loadconfig(before);
    else
        _tile_release();
}

/* Memory that each thread keeps, since fresh pages would cost as much as the products. */
static char *kept(size bytes) {
    static __thread char *memory;
    static __thread size length;
    if (length < bytes) {
        free(memory);
        length = blocks(bytes, 4096) * 4096;
        memory = aligned_alloc(4096, length);
    }
    return memory;
}

/* Pairs of numbers of two rows, and of two rows of float32 rounded; what `wanted` leaves out is 0. */
static inline __m512i pairs_of(const uint16_t *low, const uint16_t *high, __mmask16 wanted) {
    __m512i even = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(wanted, low));
    if (!high) return even;
    __m512i odd = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(wanted, high));
    return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}

static inline __m512i rounded_pairs(const float *low, const float *high, __mmask16 wanted) {
    __m512 odd = high ? _mm512_maskz_loadu_ps(wanted, high) : _mm512_setzero_ps();
    __m256i even = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(wanted, low));
    return _mm512_or_si512(_mm512_cvtepu16_epi32(even),
                           _mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd)), 16));
}

static inline void transpose(__m512i rows[16]) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 16; j += 8) {
            t[j + i] = _mm512_shuffle_i32x4(rows[j + i], rows[j + 4 + i], 0x88);
            t[j + 4 + i] = _mm512_shuffle_i32x4(rows[j + i], rows[j + 4 + i], 0xdd);
        }
    for (int i = 0; i < 8; i++) {
        rows[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
        rows[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
    }
}

static inline __mmask16 first(size count) { return count >= 16 ? 0xffff : (__mmask16)((1 << (count < 0 ? 0 : count)) - 1); }

/* Weights as factors on the right: for each 32 outputs and each step of 32 inputs two tiles, of 16 pairs of inputs by 16
   outputs. An input is a place (x, channel) in a row of the window. `turned`: from outputs to inputs, by 180 degrees. */
static void pack_weights(const float *w, uint16_t *packed, size f, size c, size r, size turned) {
    size n_in = turned ? f : c, n_out = turned ? c : f, length = r * n_in, steps = blocks(length, 32);
    if (turned || n_out % 32) memset(packed, 0, blocks(n_out, 32) * r * steps * 2 * TILE * sizeof *packed);
    if (turned) {
        /* In the order of the weights in memory, but for the second of a pair. */
        for (size k = 0; k < n_in; k++)
            for (size y = 0; y < r; y++)
                for (size x = 0; x < r; x++) {
                    size one = (r - 1 - x) * n_in + k, two = one + 1;
                    if (one % 2) continue;
                    const float *low = w + ((k * r + y) * r + x) * c, *high = NULL;
                    if (two < length) high = w + ((two % n_in * r + y) * r + r - 1 - two / n_in) * c;
                    __m512i *to = (__m512i *)(packed + ((r - 1 - y) * steps + one / 32) * 2 * TILE) + one / 2 % 16;
                    for (size o = 0; o < n_out; o += 16)
                        to[(o / 32 * r * steps * 2 + o / 16 % 2) * TILE / 32] =
                            rounded_pairs(low + o, high ? high + o : NULL, first(n_out - o));
                }
        return;
    }
    for (size o = 0; o < n_out; o += 16)
        for (size y = 0; y < r; y++)
            for (size s = 0; s < steps; s++) {
                __m512i *to = (__m512i *)(packed + (((o / 32 * r + y) * steps + s) * 2 + o / 16 % 2) * TILE), rows[16];
                for (size k = 0; k < 16; k++) {
                    const float *row = w + ((o + k) * r + y) * r * c + 32 * s;
                    size count = o + k < n_out ? length - 32 * s : 0;
                    rows[k] = (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(first(count - 16), row + 16),
                                                           _mm512_maskz_loadu_ps(first(count), row));
                }
                transpose(rows);
                for (size k = 0; k < 16; k++) to[k] = rows[k];
            }
}

/* One or two tiles of 16 rows of inputs by one or two of outputs: step s takes the inputs `at[s]` behind a row's begin and
   the tiles `which[s]` of b. */
static inline __attribute__((always_inline)) void multiply(
    const uint16_t *a0, const uint16_t *a1, size stride, const size *at, const size *which, size steps,
    const uint16_t *b, float *sums, int two_a, int two_b) {
    stride *= sizeof *a0;
    _tile_zero(0);
    if (two_b) _tile_zero(1);
    if (two_a) _tile_zero(2);
    if (two_a && two_b) _tile_zero(3);
    for (size s = 0; s < steps; s++) {
        const uint16_t *weights = b + which[s] * 2 * TILE;
        _tile_loadd(4, a0 + at[s], stride);
        _tile_loadd(6, weights, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (two_a) {
            _tile_loadd(5, a1 + at[s], stride);
            _tile_dpbf16ps(2, 5, 6);
        }
        if (two_b) {
            _tile_loadd(7, weights + TILE, 64);
            _tile_dpbf16ps(1, 4, 7);
            if (two_a) _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, sums, 128);
    if (two_b) _tile_stored(1, sums + 16, 128);
    if (two_a) _tile_stored(2, sums + 16 * 32, 128);
    if (two_a && two_b) _tile_stored(3, sums + 16 * 32 + 16, 128);
}

static void product(const uint16_t *a0, const uint16_t *a1, size stride, const size *at, const size *which, size steps,
                    const uint16_t *b, float *sums, size n_out) {
    if (a1 && n_out > 16)
        multiply(a0, a1, stride, at, which, steps, b, sums, 1, 1);
    else if (a1)
        multiply(a0, a1, stride, at, which, steps, b, sums, 1, 0);
    else if (n_out > 16)
        multiply(a0, a0, stride, at, which, steps, b, sums, 0, 1);
    else
        multiply(a0, a0, stride, at, which, steps, b, sums, 0, 0);
}

/* `count` rows of at most 32 sums, with the bias and what is added, in bfloat16 to rows `stride` numbers apart. */
static inline void keep_sums(const float *sums, uint16_t *y, size count, size stride, const float *bias,
                             const uint16_t *addend, size n_out) {
    __mmask32 wanted = n_out >= 32 ? 0xffffffff : (1u << n_out) - 1;
    __m512 low = _mm512_setzero_ps(), high = low;
    if (bias) {
        low = _mm512_maskz_loadu_ps((__mmask16)wanted, bias);
        high = _mm512_maskz_loadu_ps((__mmask16)(wanted >> 16), bias + 16);
    }
    for (size i = 0; i < count; i++, sums += 32, y += stride) {
        __m512 first_half = _mm512_add_ps(_mm512_load_ps(sums), low);
        __m512 second_half = _mm512_add_ps(_mm512_load_ps(sums + 16), high);
        if (addend) {
            __m512i more = _mm512_maskz_loadu_epi16(wanted, addend + i * stride);
            __m512i lower = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(more));
            __m512i upper = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(more, 1));
            first_half = _mm512_add_ps(first_half, _mm512_castsi512_ps(_mm512_slli_epi32(lower, 16)));
            second_half = _mm512_add_ps(second_half, _mm512_castsi512_ps(_mm512_slli_epi32(upper, 16)));
        }
        _mm512_mask_storeu_epi16(y, wanted, (__m512i)_mm512_cvtne2ps_pbh(second_half, first_half));
    }
}

/* Where in what is added an output lies; NULL where nothing is. */
static inline const uint16_t *beside(const uint16_t *addend, size place) { return addend ? addend + place : NULL; }

#define PLACES 512 /* worked on with all outputs, before the next ones are read */

/* A convolution of 1 x 1: each of at least 16 places by itself. `last` has room for 16 and 32 numbers more. */
static void convolve_places(const uint16_t *x, const uint16_t *packed, const float *bias, const uint16_t *addend, uint16_t *y,
                            size places, size n_in, size n_out, uint16_t *last, float *sums, const size *at, const size *which, size steps) {
    size end = places - 16; /* where the last tile begins; a step may read beyond its end */
    memset(last + 16 * n_in, 0, 64);
    memcpy(last, x + end * n_in, 16 * n_in * 2);
    for (size from = 0; from < places; from += PLACES)
        for (size o = 0; o < n_out; o += 32)
            for (size i = from; i < least(places, from + PLACES); i += 32) {
                size one = least(i, end), two = least(i + 16, end), some = least(32, n_out - o), both = i + 16 < places;
                product(one == end ? last : x + one * n_in, !both ? NULL : two == end ? last : x + two * n_in, n_in, at, which,
                        steps, packed + o / 32 * steps * 2 * TILE, sums, some);
                keep_sums(sums, y + one * n_out + o, 16, n_out, bias ? bias + o : NULL, beside(addend, one * n_out + o), some);
                if (both)
                    keep_sums(sums + 16 * 32, y + two * n_out + o, 16, n_out, bias ? bias + o : NULL,
                              beside(addend, two * n_out + o), some);
            }
}

/* x (n, h, w, c) -> y (n, h, w, f); `turned`: from y's gradient, f channels, to x's, c channels. bias may be NULL, and
   so may addend, which is added to y. */
void tiles_convolve(const uint16_t *x, const float *weight, const float *bias, const uint16_t *addend, uint16_t *y, size n, size h, size w,
                    size f, size c, size r, size turned) {
    size n_in = turned ? f : c, n_out = turned ? c : f, per_row = blocks(r * n_in, 32), steps = r * per_row;
    size wide = w + r - 1, padded = (h + r - 1) * wide * n_in;
    size by_image = h * w <= 16 && n_in % 32 == 0 && n >= 16; /* rows of a tile: one place in 16 images */
    size group = by_image ? 1 : least(n, GROUP / 2 / (padded * 2) + 1);
    size of_weights = blocks(n_out, 32) * steps * 2 * TILE, slack = 32 * n_in + 32;
    char *memory = kept(32 * 32 * sizeof(float) + (of_weights + (by_image ? 0 : group * padded + slack)) * 2 +
                        2 * steps * sizeof(size));
    float *sums = (float *)memory;
    uint16_t *packed = (uint16_t *)(sums + 32 * 32), *images = packed + of_weights;
    size *at = (size *)(images + (by_image ? 0 : group * padded + slack)), *which = at + steps;
    tile_shapes before;
    pack_weights(weight, packed, f, c, r, turned);
    begin(&before);
    if (by_image) {
        size half = r / 2, per_tap = n_in / 32;
        for (size place = 0; place < h * w; place++) {
            size count = 0, row = place / w, column = place % w;
            for (size v = 0; v < r; v++)
                for (size u = 0; u < r; u++)
                    for (size k = 0; k < per_tap; k++) {
                        size from_y = row + v - half, from_x = column + u - half;
                        if (from_y < 0 || from_y >= h || from_x < 0 || from_x >= w) continue;
                        at[count] = (from_y * w + from_x) * n_in + 32 * k;
                        which[count++] = (v * r + u) * per_tap + k;
                    }
            for (size o = 0; o < n_out; o += 32)
                for (size i = 0; i < n; i += 32) {
                    size one = least(i, n - 16), two = least(i + 16, n - 16), some = least(32, n_out - o);
                    product(x + one * h * w * n_in, i + 16 < n ? x + two * h * w * n_in : NULL, h * w * n_in, at, which,
                            count, packed + o / 32 * steps * 2 * TILE, sums, some);
                    for (size half_of = 0; half_of < 2 && i + 16 * half_of < n; half_of++) {
                        size at_y = ((half_of ? two : one) * h * w + place) * n_out + o;
                        keep_sums(sums + half_of * 16 * 32, y + at_y, 16, h * w * n_out, bias ? bias + o : NULL,
                                  beside(addend, at_y), some);
                    }
                }
        }
        end(&before);
        return;
    }
    for (size s = 0; s < steps; s++) at[s] = s / per_row * wide * n_in + s % per_row * 32, which[s] = s;
    if (r == 1 && n * h * w >= 16) {
        convolve_places(x, packed, bias, addend, y, n * h * w, n_in, n_out, images, sums, at, which, steps);
        end(&before);
        return;
    }
    /* Rows of a tile: 16 neighbours in a padded image, which may run over the end of a row where 16 do not divide it. */
    size even = w % 16 == 0, of_image = even ? h * w / 16 : blocks(h * wide - (r - 1), 16);
    memset(images, 0, (group * padded + slack) * 2);
    for (size from = 0; from < n; from += group) {
        size some = least(group, n - from);
        for (size i = 0; i < some; i++)
            for (size v = 0; v < h; v++)
                memcpy(images + i * padded + ((v + r / 2) * wide + r / 2) * n_in, x + ((from + i) * h + v) * w * n_in,
                       w * n_in * 2);
        for (size o = 0; o < n_out; o += 32)
            for (size tile = 0; tile < some * of_image; tile += 2) {
                size start[2];
                for (size j = 0; j < 2; j++) {
                    size t = (tile + j) % of_image;
                    start[j] = even ? t * 16 / w * wide + t * 16 % w : 16 * t;
                }
                const uint16_t *a0 = images + tile / of_image * padded + start[0] * n_in;
                const uint16_t *a1 = images + (tile + 1) / of_image * padded + start[1] * n_in;
                size width = least(32, n_out - o), last = tile + 1 == some * of_image;
                product(a0, last ? NULL : a1, n_in, at, which, steps, packed + o / 32 * steps * 2 * TILE, sums, width);
                for (size j = 0; j < 2 - last; j++) {
                    size to = (from + (tile + j) / of_image) * h * w * n_out + o;
                    const float *found = sums + j * 16 * 32;
                    for (size i = 0; i < 16;) {
                        size v = (start[j] + i) / wide, u = (start[j] + i) % wide, run = least(16 - i, wide - u);
                        if (v >= h) break;
                        if (u < w)
                            keep_sums(found + 32 * i, y + to + (v * w + u) * n_out, least(run, w - u), n_out,
                                      bias ? bias + o : NULL, beside(addend, to + (v * w + u) * n_out), width);
                        i += run;
                    }
                }
            }
    }
    end(&before);
}

/* A row of maps, g (n, h, w, c) at height v, on the left: for each channel its numbers (x, image), rows `long_k` apart. */
static void pack_left(const uint16_t *g, uint32_t *packed, size n, size h, size w, size c, size v, size long_n, size long_k) {
    size pairs = long_n / 2, used = w * pairs;
    for (size j = 0; j < blocks(c, 16) * 16; j++)
        memset(packed + j * long_k / 2 + used, 0, (long_k / 2 - used) * sizeof *packed);
    for (size i = 0; i < pairs; i += 16)
        for (size u = 0; u < w; u++)
            for (size j = 0; j < c; j += 16) {
                const uint16_t *low = g + ((2 * i * h + v) * w + u) * c + j;
                uint32_t *to = packed + j * long_k / 2 + u * pairs + i;
                __m512i rows[16];
                for (size k = 0; k < 16; k++, low += 2 * h * w * c)
                    rows[k] = i + k < pairs ? pairs_of(low, 2 * (i + k) + 1 < n ? low + h * w * c : NULL, first(c - j))
                                            : _mm512_setzero_si512();
                transpose(rows);
                for (size l = 0; l < 16; l++) _mm512_mask_storeu_epi32(to + l * long_k / 2, first(pairs - i), rows[l]);
            }
}

/* The same on the right: for each 16 channels pairs of images by channels, with zeros beside the map. */
static void pack_right(const uint16_t *x, uint32_t *packed, size n, size h, size w, size c, size v, size long_n, size edge,
                       size length) {
    size pairs = long_n / 2, used = (edge + w) * pairs * 16;
    for (size j = 0; j < c; j += 16) {
        uint32_t *panel = packed + j * length;
        memset(panel, 0, edge * pairs * 64);
        memset(panel + used, 0, (16 * length - used) * sizeof *panel);
    }
    for (size i = 0; i < pairs; i++)
        for (size u = 0; u < w; u++) {
            const uint16_t *low = x + ((2 * i * h + v) * w + u) * c, *high = 2 * i + 1 < n ? low + h * w * c : NULL;
            uint32_t *to = packed + ((edge + u) * pairs + i) * 16;
            for (size j = 0; j < c; j += 16, to += 16 * length)
                _mm512_storeu_si512(to, pairs_of(low + j, high ? high + j : NULL, first(c - j)));
        }
}

/* Gradient of the weights, (f, r, r, c) in float32, from the output's g (n, h, w, f) and the input x (n, h, w, c): sums
   over images and places, in groups of rows of all maps. */
void tiles_weight_gradient(const uint16_t *g, const uint16_t *x, float *of_weight, size n, size h, size w, size f, size c,
                           size r) {
    size long_n = n + n % 2, edge = r / 2, steps = blocks(w * long_n, 32), pairs = 16 * steps + edge * long_n;
    size long_k = steps * 32 + (steps % 2 ? 0 : 32); /* rows in different parts of the cache */
    size f_tiles = blocks(f, 16), c_tiles = blocks(c, 16), left = f_tiles * 16 * long_k, right = c_tiles * pairs * 32;
    size group = GROUP / ((left + right) * 2), of_sums = r * r * f_tiles * c_tiles * 256;
    group = of_sums * 4 > GROUP ? h : least(h, group < 1 ? 1 : group);
    size slots = least(h, group + 2 * edge);
    /* Where all comes in one group, and whole tiles, sums go where they belong. */
    size direct = group == h && f % 16 == 0 && c % 16 == 0;
    if (direct) of_sums = 0;
    float *sums = (float *)kept(of_sums * 4 + (group * left + slots * right) * 2);
    uint16_t *lefts = (uint16_t *)(sums + of_sums), *rights = lefts + group * left;
    tile_shapes before;
    begin(&before);
    for (size start = 0, ready = 0; start < h; start += group) {
        size stop = least(h, start + group);
        for (size v = start; v < stop; v++) pack_left(g, (uint32_t *)(lefts + (v - start) * left), n, h, w, f, v, long_n, long_k);
        for (; ready < least(h, stop + edge); ready++)
            pack_right(x, (uint32_t *)(rights + ready % slots * right), n, h, w, c, ready, long_n, edge, pairs);
        for (size i = 0; i < f_tiles; i += 2)
            for (size j = 0; j < c_tiles; j += 2) {
                size two_f = i + 1 < f_tiles, two_c = j + 1 < c_tiles;
                for (size tap = 0; tap < r * r; tap++) {
                    size dy = tap / r - edge;
                    float *to = direct ? of_weight + (16 * i * r * r + tap) * c + 16 * j
                                       : sums + ((tap * f_tiles + i) * c_tiles + j) * 256;
                    size row = direct ? r * r * c * 4 : 64, beside = direct ? 16 : 256;
                    float *below = to + (direct ? 16 * r * r * c : c_tiles * 256);
                    _tile_zero(0);
                    _tile_zero(1);
                    _tile_zero(2);
                    _tile_zero(3);
                    if (start) {
                        _tile_loadd(0, to, row);
                        if (two_c) _tile_loadd(1, to + beside, row);
                        if (two_f) _tile_loadd(2, below, row);
                        if (two_f && two_c) _tile_loadd(3, below + beside, row);
                    }
                    for (size v = start; v < stop; v++) {
                        if (v + dy < 0 || v + dy >= h) continue;
                        const uint16_t *a0 = lefts + (v - start) * left + i * 16 * long_k;
                        const uint16_t *a1 = a0 + (two_f ? 16 * long_k : 0);
                        const uint16_t *b0 = rights + (v + dy) % slots * right + j * pairs * 32 + tap % r * long_n / 2 * 32;
                        const uint16_t *b1 = b0 + (two_c ? pairs * 32 : 0);
                        for (size s = 0; s < steps; s++) {
                            _tile_loadd(4, a0 + 32 * s, 2 * long_k);
                            _tile_loadd(6, b0 + s * TILE, 64);
                            _tile_dpbf16ps(0, 4, 6);
                            if (two_c) {
                                _tile_loadd(7, b1 + s * TILE, 64);
                                _tile_dpbf16ps(1, 4, 7);
                            }
                            if (two_f) {
                                _tile_loadd(5, a1 + 32 * s, 2 * long_k);
                                _tile_dpbf16ps(2, 5, 6);
                                if (two_c) _tile_dpbf16ps(3, 5, 7);
                            }
                        }
                    }
                    _tile_stored(0, to, row);
                    if (two_c) _tile_stored(1, to + beside, row);
                    if (two_f) _tile_stored(2, below, row);
                    if (two_f && two_c) _tile_stored(3, below + beside, row);
                }
            }
    }
    end(&before);
    if (direct) return;
    for (size i = 0; i < f; i++)
        for (size tap = 0; tap < r * r; tap++)
            for (size j = 0; j < c; j += 16)
                memcpy(of_weight + (i * r * r + tap) * c + j,
                       sums + ((tap * f_tiles + i / 16) * c_tiles + j / 16) * 256 + i % 16 * 16, least(16, c - j) * 4);
}
