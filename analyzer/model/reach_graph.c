/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_graph.h"

#include <stdlib.h>

void reach_graph_release(struct reach_graph *graph)
{
    free(graph->blocks);
    free(graph->first);
    free(graph->edges);
    free(graph->offsets);
    free(graph->roots);
    *graph = (struct reach_graph){0};
}
