#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/name.h"
#include "base/result.h"
#include "dns/core/blocklist.h"
#include "dns/core/list_layout.h"

// The files of hearth-lists, as their readers see them. Every function blocks on the disk.
namespace hearth::dns {

// A checked image and the memory it is in: read-only pages of our own, never the file's, so that
// nothing that happens to the file later can reach a lookup.
struct BlocklistImage {
    BlockSet set;
    std::shared_ptr<const void> storage;
};

// kNotFound when there is no such file (no list was compiled yet).
[[nodiscard]] Result<BlocklistImage> load_blocklist_image(const std::filesystem::path& path);

// A rule about a name, where it stands.
struct ListedRule {
    std::string list;
    std::uint64_t line = 0;  // of the last good copy, from 1
    std::string text;        // of that line, printable ASCII
    ListAction action = ListAction::kBlock;
};

// Every rule about `qname` in the copies of `lists`, in that order, its conditions aside: what
// `hearth why` shows. Reads the lists from end to end, so not on a thread that answers questions. A
// list without a copy has no rules.
[[nodiscard]] std::vector<ListedRule> find_listed_rules(const ListLayout& layout,
                                                        const std::vector<BlockSet::List>& lists,
                                                        const Name& qname);

}  // namespace hearth::dns
