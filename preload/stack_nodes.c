/* SPDX-License-Identifier: Apache-2.0 */
#include "stack_nodes.h"

#include "sys.h"
#include "vmtrace/trace_format.h"

enum { FIRST_PLACES = 1024 };

static void put(struct stack_nodes *nodes, struct stack_node node)
{
    uint32_t place = stack_nodes_place(nodes, node.parent, node.pc);
    while (nodes->table[place].number)
        place = (place + 1) & nodes->mask;
    nodes->table[place] = node;
}

static bool grow(struct stack_nodes *nodes)
{
    struct stack_nodes old = *nodes;
    uint32_t places = old.table ? (old.mask + 1) * 2 : FIRST_PLACES;
    if (!places)
        return false;
    nodes->table = sys_map((size_t)places * sizeof(struct stack_node));
    if (!nodes->table) {
        nodes->table = old.table;
        return false;
    }
    nodes->mask = places - 1;
    sys_leave_out_of_fork(nodes->table, stack_nodes_bytes(nodes), true);
    if (!old.table)
        return true;
    for (uint32_t place = 0; place <= old.mask; place++) {
        if (old.table[place].number)
            put(nodes, old.table[place]);
    }
    sys_unmap(old.table, stack_nodes_bytes(&old));
    return true;
}

uint32_t stack_nodes_add(struct stack_nodes *nodes, uint32_t parent, uint64_t pc)
{
    if (!nodes->table || nodes->used >= (nodes->mask + 1) / 4 * 3) {
        uint64_t before;
        sys_block_signals(&before); /* see stream_refill */
        bool grown = grow(nodes);
        sys_restore_signals(&before);
        if (!grown)
            return 0;
    }
    uint32_t number = nodes->next++;
    nodes->used++;
    put(nodes, (struct stack_node){pc, parent, number});
    return number;
}

void stack_nodes_reset(struct stack_nodes *nodes)
{
    sys_unmap(nodes->table, stack_nodes_bytes(nodes));
    *nodes = (struct stack_nodes){.next = VMT_NODE_FIRST};
}
