#include "models/runtime/layout.h"

#include <pthread.h>
#include <string.h>

dnnl_data_type_t layout_type(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F32: return dnnl_f32;
    case DTYPE_F16: return dnnl_f16;
    case DTYPE_BF16: return dnnl_bf16;
    case DTYPE_I8: return dnnl_s8;
    case DTYPE_U8: return dnnl_u8;
    case DTYPE_I32: return dnnl_s32;
    default: return dnnl_data_type_undef;
    }
}

/* oneDNN has no rank 0. */
static int dims_of(const struct shape *shape, dnnl_dims_t dims)
{
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dim[i];
    if (!shape->rank)
        dims[0] = 1;
    return shape->rank ? shape->rank : 1;
}

void layout_plain(dnnl_memory_desc_t *md, enum dtype dtype, const struct shape *shape)
{
    *md = (dnnl_memory_desc_t){0};
    dnnl_dims_t dims, strides;
    int rank = dims_of(shape, dims);
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    if (layout_type(dtype) != dnnl_data_type_undef)
        dnnl_memory_desc_init_by_strides(md, rank, dims, layout_type(dtype), strides);
}

void layout_any(dnnl_memory_desc_t *md, enum dtype dtype, const struct shape *shape)
{
    dnnl_dims_t dims;
    int rank = dims_of(shape, dims);
    *md = (dnnl_memory_desc_t){0};
    dnnl_memory_desc_init_by_tag(md, rank, dims, layout_type(dtype), dnnl_format_tag_any);
}

void layout_last(dnnl_memory_desc_t *md, enum dtype dtype, const struct shape *shape)
{
    static const dnnl_format_tag_t tags[] = {dnnl_acb, dnnl_acdb, dnnl_acdeb};
    if (shape->rank < 3 || shape->rank > 5) {
        layout_plain(md, dtype, shape);
        return;
    }
    dnnl_dims_t dims;
    int rank = dims_of(shape, dims);
    *md = (dnnl_memory_desc_t){0};
    dnnl_memory_desc_init_by_tag(md, rank, dims, layout_type(dtype), tags[rank - 3]);
}

bool layout_is_plain(const dnnl_memory_desc_t *md)
{
    if (md->format_kind != dnnl_blocked || md->format_desc.blocking.inner_nblks)
        return false;
    int64_t stride = 1;
    for (int i = md->ndims - 1; i >= 0; i--) {
        if (md->dims[i] != 1 && md->format_desc.blocking.strides[i] != stride)
            return false;
        stride *= md->dims[i];
    }
    return true;
}

bool layout_same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b)
{
    return a->ndims == b->ndims && dnnl_memory_desc_equal(a, b);
}

size_t layout_bytes(const dnnl_memory_desc_t *md)
{
    return dnnl_memory_desc_get_size(md);
}

int64_t layout_offset(const dnnl_memory_desc_t *md, const int64_t *index)
{
    const dnnl_blocking_desc_t *blocking = &md->format_desc.blocking;
    int64_t left[DNNL_MAX_NDIMS];
    for (int i = 0; i < md->ndims; i++)
        left[i] = index[i];
    int64_t offset = 0, stride = 1;
    for (int b = blocking->inner_nblks - 1; b >= 0; b--) {
        int64_t *i = &left[blocking->inner_idxs[b]];
        offset += *i % blocking->inner_blks[b] * stride;
        *i /= blocking->inner_blks[b];
        stride *= blocking->inner_blks[b];
    }
    for (int i = 0; i < md->ndims; i++)
        offset += left[i] * blocking->strides[i];
    return offset;
}

bool layout_channels(const dnnl_memory_desc_t *md, struct channels *out)
{
    const dnnl_blocking_desc_t *blocking = &md->format_desc.blocking;
    if (md->format_kind != dnnl_blocked || md->ndims < 2 || blocking->inner_nblks > 1)
        return false;
    int64_t block = 1;
    if (blocking->inner_nblks) {
        if (blocking->inner_idxs[0] != 1)
            return false;
        block = blocking->inner_blks[0];
    }
    int64_t stride = block;
    for (int i = md->ndims - 1; i >= 0; i--) {
        int64_t extent = i == 1 ? md->padded_dims[1] / block : md->dims[i];
        if (extent != 1 && blocking->strides[i] != stride)
            return false;
        stride *= extent;
    }
    *out = (struct channels){.N = md->dims[0], .C = md->dims[1], .spatial = 1, .block = block,
                             .blocks = md->padded_dims[1] / block};
    for (int i = 2; i < md->ndims; i++)
        out->spatial *= md->dims[i];
    return true;
}

bool layout_like(const dnnl_memory_desc_t *like, const struct shape *shape,
                 dnnl_memory_desc_t *out)
{
    struct channels c;
    if (!layout_channels(like, &c) || shape->rank != like->ndims)
        return false;
    dnnl_dims_t dims;
    int rank = dims_of(shape, dims);
    static const dnnl_format_tag_t eight[] = {dnnl_aBc8b, dnnl_aBcd8b, dnnl_aBcde8b};
    static const dnnl_format_tag_t sixteen[] = {dnnl_aBc16b, dnnl_aBcd16b, dnnl_aBcde16b};
    static const dnnl_format_tag_t four[] = {dnnl_aBc4b, dnnl_aBcd4b, dnnl_aBcde4b};
    dnnl_format_tag_t tag = dnnl_format_tag_undef;
    if (c.block > 1) {
        if (rank < 3 || rank > 5)
            return false;
        tag = c.block == 16  ? sixteen[rank - 3]
              : c.block == 8 ? eight[rank - 3]
              : c.block == 4 ? four[rank - 3]
                             : dnnl_format_tag_undef;
        if (tag == dnnl_format_tag_undef)
            return false;
    } else {
        static const dnnl_format_tag_t plain[] = {dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
        if (rank < 2 || rank > 5)
            return false;
        tag = plain[rank - 2];
    }
    *out = (dnnl_memory_desc_t){0};
    return dnnl_memory_desc_init_by_tag(out, rank, dims, like->data_type, tag) == dnnl_success;
}

bool layout_is_reference(const_dnnl_primitive_desc_t descriptor)
{
    const char *name = "";
    dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, (void *)&name);
    return !strncmp(name, "ref", 3);
}

static dnnl_engine_t engine;

static void open_engine(void)
{
    dnnl_engine_create(&engine, dnnl_cpu, 0);
}

dnnl_engine_t layout_engine(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_engine);
    return engine;
}

enum status layout_fail(dnnl_status_t code, const char *what)
{
    if (code == dnnl_success)
        return OK;
    if (code == dnnl_out_of_memory)
        return status_fail(ERR_NOMEM, "onednn: no memory for %s", what);
    return status_fail(ERR_UNSUPPORTED, "onednn: %s: %s", what,
                       code == dnnl_unimplemented ? "unimplemented" : "invalid arguments");
}
