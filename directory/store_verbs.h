/* directory/store_verbs.h - what every store's file ends with: its verbs under their names in struct
 * smx_store. For store_*.c only. */
#ifndef SMX_DIRECTORY_STORE_VERBS_H
#define SMX_DIRECTORY_STORE_VERBS_H

#include "directory/store.h"

#define SMX_STORE_VERBS                                                                                      \
    {                                                                                                        \
        .begin = begin, .commit = commit, .undo = undo, .name_get = name_get, .name_put = name_put,          \
        .name_each = name_each, .name_purge = name_purge, .name_count = name_count, .desc_get = desc_get,    \
        .desc_put = desc_put, .desc_each = desc_each, .desc_purge = desc_purge, .desc_count = desc_count,    \
        .relay_put = relay_put, .relay_layer = relay_layer, .relay_each = relay_each, .blob_get = blob_get,  \
        .blob_put = blob_put, .fault = fault, .free = free_store,                                            \
    }

#endif
