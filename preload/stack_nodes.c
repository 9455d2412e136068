/* SPDX-License-Identifier: Apache-2.0 */
#include "stack_nodes.h"

#include "sys.h"
#include "vmtrace/trace_format.h"

enum {
    FIRST_ROOM = 256, /* nodes: one page */
    FIRST_PLACES = 1024,
};

static uint32_t place_of(const struct stack_nodes *nodes, uint32_t parent, uint64_t pc)
{
    uint64_t hash = (pc ^ (uint64_t)parent * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
    return (uint32_t)(hash >> 32) & nodes->mask;
}

uint32_t stack_nodes_find_hashed(const struct stack_nodes *nodes, uint32_t parent, uint64_t pc)
{
    if (!nodes->hashed)
        return 0;
    for (uint32_t place = place_of(nodes, parent, pc);; place = (place + 1) & nodes->mask) {
        uint32_t number = nodes->hashed[place];
        if (!number || (nodes->node[number].pc == pc && nodes->node[number].next == parent))
            return number;
    }
}

static void put_hashed(struct stack_nodes *nodes, uint32_t number)
{
    const struct stack_node *node = &nodes->node[number];
    uint32_t place = place_of(nodes, node->next, node->pc);
    while (nodes->hashed[place])
        place = (place + 1) & nodes->mask;
    nodes->hashed[place] = number;
}

static bool grow_nodes(struct stack_nodes *nodes)
{
    uint32_t room = nodes->room ? nodes->room * 2 : FIRST_ROOM;
    size_t old_size = nodes->room * sizeof(struct stack_node);
    size_t size = room * sizeof(struct stack_node);
    struct stack_node *larger = room ? sys_remap(nodes->node, old_size, size) : NULL;
    if (!larger)
        return false;
    sys_leave_out_of_fork(larger, size, true);
    nodes->node = larger;
    nodes->room = room;
    return true;
}

static bool grow_hashed(struct stack_nodes *nodes)
{
    uint32_t old_places = nodes->hashed ? nodes->mask + 1 : 0;
    uint32_t places = old_places ? old_places * 2 : FIRST_PLACES;
    uint32_t *old = nodes->hashed;
    if (!places)
        return false;
    uint32_t *larger = sys_map(places * sizeof(uint32_t));
    if (!larger)
        return false;
    sys_leave_out_of_fork(larger, places * sizeof(uint32_t), true);
    nodes->hashed = larger;
    nodes->mask = places - 1;
    nodes->hash_room = places / 4 * 3;
    for (uint32_t i = 0; i < old_places; i++) {
        if (old[i])
            put_hashed(nodes, old[i]);
    }
    sys_unmap(old, old_places * sizeof(uint32_t));
    return true;
}

/* The link to the last child of a list that is full, else NULL. */
static uint32_t *full_list_end(const struct stack_nodes *nodes, uint32_t parent)
{
    uint32_t *link = &nodes->node[parent].child;
    for (unsigned i = 1; *link && i < STACK_NODES_LISTED; i++)
        link = &nodes->node[*link].next;
    return *link ? link : NULL;
}

/* There is to be room for a node and, if `hash`, for one more in the hash table. */
static bool make_room(struct stack_nodes *nodes, bool hash)
{
    bool made = true;
    uint64_t before;
    sys_block_signals(&before); /* see stream_refill */
    if (nodes->next >= nodes->room)
        made = grow_nodes(nodes);
    if (made && hash && nodes->used >= nodes->hash_room)
        made = grow_hashed(nodes);
    sys_restore_signals(&before);
    return made;
}

uint32_t stack_nodes_add(struct stack_nodes *nodes, uint32_t parent, uint64_t pc)
{
    uint32_t *last = nodes->node ? full_list_end(nodes, parent) : NULL;
    if ((nodes->next >= nodes->room || (last && nodes->used >= nodes->hash_room)) &&
        !make_room(nodes, last))
        return 0;
    if (last) {
        last = full_list_end(nodes, parent); /* the nodes may have moved */
        uint32_t demoted = *last;
        *last = 0;
        nodes->node[demoted].next = parent;
        put_hashed(nodes, demoted);
        nodes->used++;
    }
    uint32_t number = nodes->next++;
    nodes->node[number] = (struct stack_node){pc, 0, nodes->node[parent].child};
    nodes->node[parent].child = number;
    return number;
}

static size_t node_bytes(const struct stack_nodes *nodes)
{
    return nodes->room * sizeof(struct stack_node);
}

static size_t hashed_bytes(const struct stack_nodes *nodes)
{
    return nodes->hashed ? ((size_t)nodes->mask + 1) * sizeof(uint32_t) : 0;
}

size_t stack_nodes_bytes(const struct stack_nodes *nodes)
{
    return node_bytes(nodes) + hashed_bytes(nodes);
}

void stack_nodes_reset(struct stack_nodes *nodes)
{
    sys_unmap(nodes->node, node_bytes(nodes));
    sys_unmap(nodes->hashed, hashed_bytes(nodes));
    *nodes = (struct stack_nodes){.next = VMT_NODE_FIRST};
}

void stack_nodes_keep_in_fork(const struct stack_nodes *nodes, bool keep)
{
    sys_leave_out_of_fork(nodes->node, node_bytes(nodes), !keep);
    sys_leave_out_of_fork(nodes->hashed, hashed_bytes(nodes), !keep);
}
