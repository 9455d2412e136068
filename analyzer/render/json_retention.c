/* SPDX-License-Identifier: Apache-2.0 */
#include "render/json_retention.h"

#include "query/own_frame.h"
#include "render/json_stream.h"

static json_t *json_root(const struct report_root *root, const struct json_sites *sites)
{
    static const char *const kinds[REPORT_ROOT_KINDS] = {
        [REPORT_ROOT_VARIABLE] = "variable", [REPORT_ROOT_STACK] = "stack",
        [REPORT_ROOT_REGISTER] = "register", [REPORT_ROOT_TLS] = "tls",
        [REPORT_ROOT_MAPPING] = "mapping",   [REPORT_ROOT_LOADER] = "loader",
        [REPORT_ROOT_OTHER] = "other",
    };
    json_t *object = json_object();
    json_add(&object, "kind", json_text(kinds[root->kind]));
    json_add(&object, "name", json_text(root->name));
    json_add(&object, "module", json_text(root->module));
    json_add(&object, "offset", json_count(root->offset));
    json_add(&object, "variable_offset", json_count(root->variable_offset));
    json_add(&object, "stack_offset", json_count(root->stack_offset));
    json_add(&object, "tid", root->tid ? json_count(root->tid) : json_null());
    json_add(&object, "site", root->site ? json_site_number(sites, root->site) : json_null());
    return object;
}

static json_t *json_listed_root(const struct report_root *root, const struct json_sites *sites)
{
    json_t *object = json_root(root, sites);
    json_add(&object, "pointers", json_count(root->pointers));
    json_add(&object, "bytes", json_count(root->alone_bytes));
    json_add(&object, "blocks", json_count(root->alone_blocks));
    json_add(&object, "nearest_bytes", json_count(root->nearest_bytes));
    json_add(&object, "nearest_blocks", json_count(root->nearest_blocks));
    return object;
}

/* The root, then places. */
static json_t *json_chain(const struct report_kept *kept, const struct json_sites *sites)
{
    json_t *array = json_array();
    if (array && json_array_append_new(array, json_root(&kept->root, sites)) != 0) {
        json_decref(array);
        return NULL;
    }
    for (size_t i = 0; array && i < kept->step_count; i++) {
        const struct report_step *step = &kept->steps[i];
        json_t *object = json_object();
        json_add(&object, "kind", json_string("blocks"));
        json_add(&object, "site", json_site_number(sites, step->site));
        json_add(&object, "frame", json_own_frame(step->site->stack));
        json_add(&object, "bytes", json_count(step->bytes));
        json_add(&object, "blocks", json_count(step->blocks));
        json_add(&object, "offset", json_count(step->offset));
        if (json_array_append_new(array, object) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *json_quarters(const struct report_kept *kept)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < REPORT_QUARTERS; i++) {
        if (json_array_append_new(array, json_count(kept->quarters[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *json_kept(const struct report_kept *kept, const struct json_sites *sites)
{
    json_t *object = json_object();
    json_add(&object, "site", json_site_number(sites, kept->site));
    json_add(&object, "frame", json_own_frame(kept->site->stack));
    json_add(&object, "sites", json_count(kept->sites));
    json_add(&object, "reachable_bytes", json_count(kept->reachable_bytes));
    json_add(&object, "reachable_blocks", json_count(kept->reachable_blocks));
    json_add(&object, "possible_bytes", json_count(kept->possible_bytes));
    json_add(&object, "possible_blocks", json_count(kept->possible_blocks));
    json_add(&object, "retained_bytes", json_count(kept->retained_bytes));
    json_add(&object, "retained_blocks", json_count(kept->retained_blocks));
    json_add(&object, "quarters", json_quarters(kept));
    json_add(&object, "grows", json_boolean(kept->grows));
    json_add(&object, "way_bytes", json_count(kept->way_bytes));
    json_add(&object, "interior", json_boolean(kept->possible));
    json_add(&object, "left_out", json_count(kept->left_out));
    json_add(&object, "chain", json_chain(kept, sites));
    return object;
}

void json_write_retention(struct json_stream *stream, const struct report *report,
                          const struct json_sites *sites, size_t top)
{
    const struct report_retention *retention = report->retention;
    if (retention == NULL) {
        json_stream_member(stream, "retention", json_null());
        return;
    }
    size_t roots = top && top < retention->root_count ? top : retention->root_count;
    size_t kept = top && top < retention->kept_count ? top : retention->kept_count;
    json_stream_open(stream, "retention", '{');
    json_stream_member(stream, "t_ns", json_count(retention->t_ns));
    json_stream_member(stream, "bytes", json_count(retention->bytes));
    json_stream_member(stream, "blocks", json_count(retention->blocks));
    json_stream_member(stream, "shared_bytes", json_count(retention->shared_bytes));
    json_stream_member(stream, "shared_blocks", json_count(retention->shared_blocks));
    json_stream_open(stream, "roots", '[');
    for (size_t i = 0; i < roots; i++)
        json_stream_item(stream, json_listed_root(&retention->roots[i], sites));
    json_stream_close(stream, ']');
    json_stream_open(stream, "sites", '[');
    for (size_t i = 0; i < kept; i++)
        json_stream_item(stream, json_kept(&retention->kept[i], sites));
    json_stream_close(stream, ']');
    json_stream_close(stream, '}');
}
