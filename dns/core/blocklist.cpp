#include "dns/core/blocklist.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "dns/core/filter_rule.h"
#include "dns/core/filter_rules.h"

namespace hearth::dns {
namespace {

constexpr std::size_t kRuleSetBytes = sizeof(RuleSet);
constexpr std::size_t kMasks = kRuleSetBytes / sizeof(ListMask);

tl::unexpected<Error> bad_image(Errc code, std::string detail) {
    return fail(code, "blocklist image", std::move(detail) + "; run hearth-lists to write it anew");
}

std::uint32_t first_list(ListMask mask) noexcept {
    return static_cast<std::uint32_t>(std::countr_zero(mask));
}

}  // namespace

Result<ImageHeader> read_image_header(ByteView beginning) {
    const std::uint8_t* p = beginning.data();
    if (beginning.size() < kImageHeader)
        return bad_image(Errc::kTruncated, "shorter than its header");
    if (std::memcmp(p, kImageMagic.data(), kImageMagic.size()) != 0)
        return bad_image(Errc::kInvalid, "not a compiled blocklist");
    if (load_le32(p + 8) != kImageVersion)
        return bad_image(Errc::kInvalid, "version " + std::to_string(load_le32(p + 8)) + ", not " +
                                             std::to_string(kImageVersion));
    if (load_le32(p + 12) != kImageByteOrder)
        return bad_image(Errc::kInvalid, "written on a machine of another byte order");
    return ImageHeader{
        {load_le64(p + 16), load_le64(p + 24)}, load_le64(p + 32), load_le64(p + 40)};
}

Result<BlockSet> BlockSet::open(ByteView image) {
    const auto header = read_image_header(image);
    if (!header) return fail(header.error());
    if (header->size != image.size())
        return bad_image(Errc::kTruncated, "its size is not what its header says");
    if (siphash13(header->key, image.subspan(kImageChecksumEnd)) != header->checksum)
        return bad_image(Errc::kInvalid, "its checksum is wrong");
    BlockSet set;
    set.key_ = header->key;
    set.checksum_ = header->checksum;
    if (auto read = set.read_sections(image); !read) return fail(read.error());
    return set;
}

Result<void> BlockSet::read_sections(ByteView image) {
    const std::uint8_t* p = image.data();
    entries_count_ = load_le32(p + 48);
    const std::uint32_t bits = load_le32(p + 52);
    rule_sets_count_ = load_le32(p + 56);
    const std::size_t list_count = load_le32(p + 60);
    fewest_labels_ = load_le32(p + 64);
    if (bits < 1 || bits > 31 || rule_sets_count_ > kMaxRuleSets || list_count > kMaxLists)
        return bad_image(Errc::kInvalid, "a count in its header is out of range");
    bucket_shift_ = 64 - bits;

    const std::uint64_t buckets = std::uint64_t{1} << bits;
    const std::uint64_t directory_bytes = ((buckets + 1) * 4 + 7) / 8 * 8;
    const std::uint64_t fixed = kImageHeader + directory_bytes + std::uint64_t{entries_count_} * 8 +
                                rule_sets_count_ * kRuleSetBytes;
    if (fixed > image.size()) return bad_image(Errc::kTruncated, "its tables do not fit");
    directory_ = p + kImageHeader;
    entries_ = directory_ + directory_bytes;
    rule_sets_ = entries_ + entries_count_ * 8;

    std::uint32_t previous = 0;
    for (std::uint64_t i = 0; i <= buckets; ++i) {
        const std::uint32_t at = load_le32(directory_ + i * 4);
        if (at < previous) return bad_image(Errc::kInvalid, "its buckets overlap");
        previous = at;
    }
    if (previous != entries_count_ || load_le32(directory_) != 0)
        return bad_image(Errc::kInvalid, "its buckets do not cover its entries");
    std::uint64_t highest = 0;
    for (std::size_t i = 0; i < entries_count_; ++i)
        highest = std::max(highest, load_le64(entries_ + i * 8) & (kMaxRuleSets - 1));
    if (entries_count_ > 0 && highest >= rule_sets_count_)
        return bad_image(Errc::kInvalid, "an entry names a rule set that is not there");
    ByteView rest = image.subspan(static_cast<std::size_t>(fixed));
    if (auto read = read_lists(rest, list_count); !read) return read;
    return read_filters(rest, load_le32(p + 68));
}

Result<void> BlockSet::read_lists(ByteView& bytes, std::size_t count) {
    lists_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (bytes.size() < 11)
            return bad_image(Errc::kTruncated, "its table of lists is cut short");
        const std::uint64_t rules = load_le64(bytes.data());
        const ListKind kind = bytes[8] == 0 ? ListKind::kBlock : ListKind::kAllow;
        const std::size_t length = bytes[9] | std::size_t{bytes[10]} << 8;
        bytes = bytes.subspan(11);
        if (bytes.size() < length) return bad_image(Errc::kTruncated, "a list's name is cut short");
        lists_.push_back({as_text(bytes.first(length)), rules, kind});
        bytes = bytes.subspan(length);
    }
    const ListMask known = count == kMaxLists ? kAllLists : (ListMask{1} << count) - 1;
    for (std::size_t i = 0; i < rule_sets_count_ * kMasks; ++i) {
        if ((load_le64(rule_sets_ + i * sizeof(ListMask)) & ~known) != 0)
            return bad_image(Errc::kInvalid, "a rule set names a list that is not there");
    }
    return {};
}

Result<void> BlockSet::read_filters(ByteView bytes, std::size_t count) {
    if (count > FilterRules::kMost) return bad_image(Errc::kInvalid, "too many filter rules");
    std::vector<FilterRules::Listed> rules;
    std::size_t patterns = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (bytes.size() < 3) return bad_image(Errc::kTruncated, "its filter rules are cut short");
        const std::uint32_t list = bytes[0];
        const std::size_t length = bytes[1] | std::size_t{bytes[2]} << 8;
        bytes = bytes.subspan(3);
        if (bytes.size() < length || list >= lists_.size())
            return bad_image(Errc::kInvalid, "a filter rule is not whole");
        auto parsed = parse_filter_rule(as_text(bytes.first(length)));
        bytes = bytes.subspan(length);
        if (parsed.fault != ParsedRule::Fault::kNone)
            return bad_image(Errc::kInvalid, "a filter rule is not understood");
        if (!parsed.rule.pattern.empty() && ++patterns > NamePatterns::kMost)
            return bad_image(Errc::kInvalid, "too many expressions");
        rules.push_back({list, std::move(parsed.rule)});
    }
    if (!bytes.empty()) return bad_image(Errc::kInvalid, "bytes after its filter rules");
    if (!rules.empty()) filters_ = std::make_shared<const FilterRules>(std::move(rules));
    return {};
}

void BlockSet::collect(std::uint64_t hash, bool is_whole, Weighed& out) const noexcept {
    const std::uint8_t* slot = directory_ + (hash >> bucket_shift_) * 4;
    const std::uint8_t* at = entries_ + load_le32(slot) * std::size_t{8};
    const std::uint8_t* end = entries_ + load_le32(slot + 4) * std::size_t{8};
    const std::uint64_t tag = hash << (64 - kTagBits);
    const std::size_t side = is_whole ? 0 : sizeof(ListMask);
    for (; at != end; at += 8) {
        const std::uint64_t entry = load_le64(at);
        if (((entry ^ tag) >> (64 - kTagBits)) != 0) continue;
        const std::uint8_t* rules =
            rule_sets_ + (entry & (kMaxRuleSets - 1)) * kRuleSetBytes + side;
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] |= load_le64(rules + i * sizeof(RuleMasks));
    }
}

// What the names themselves say, from the whole name to its last label: the nearest of each kind.
BlockSet::Weighed BlockSet::weigh(const Name& qname, ListMask lists) const noexcept {
    Weighed nearest{};
    if (entries_count_ == 0) return nearest;
    const LabelHasher labels(qname);
    const std::size_t count = labels.labels();
    if (count < fewest_labels_) return nearest;

    // Hashing first lets the memory of all buckets be fetched at once.
    std::uint64_t hashes[Name::kMaxWire / 2 + 1];
    SipState state(key_);
    for (std::size_t depth = 0; depth < count; ++depth) {
        labels.absorb(state, depth);
        if (depth + 1 < fewest_labels_) continue;
        hashes[depth] = state.finish();
        __builtin_prefetch(directory_ + (hashes[depth] >> bucket_shift_) * 4);
    }
    for (std::size_t depth = count; depth-- > 0 && depth + 1 >= fewest_labels_;) {
        Weighed found{};
        collect(hashes[depth], depth + 1 == count, found);
        for (std::size_t i = 0; i < found.size(); ++i)
            if (nearest[i] == 0) nearest[i] = found[i] & lists;
    }
    return nearest;
}

Match BlockSet::match(const Name& qname, ListMask lists, RrType qtype, const Asker& asker) const {
    Weighed said = weigh(qname, lists);
    Match match;
    if (filters_) {
        const auto more = filters_->find(qname, qtype, asker, lists);
        match.is_personal = more.is_personal;
        if (more.rewrite) {
            match.action = ListAction::kRewrite;
            match.rewrite = *more.rewrite;
            match.list = filters_->list_of_rewrite(*more.rewrite);
            return match;
        }
        const Weighed added = {more.block, more.allow, more.important_block, more.important_allow};
        for (std::size_t i = 0; i < said.size(); ++i)
            if (said[i] == 0) said[i] = added[i];
    }
    for (const bool is_important : {true, false}) {
        for (const ListAction action : {ListAction::kAllow, ListAction::kBlock}) {
            const ListMask mask = said[RuleSet::index_of(action, is_important)];
            if (mask == 0) continue;
            match.action = action;
            match.list = first_list(mask);
            return match;
        }
    }
    return match;
}

}  // namespace hearth::dns
