#include "dns/core/safe_search.h"

#include <memory>

namespace hearth::dns {
namespace {

// https://www.google.com/supported_domains, without "google." in front.
constexpr std::string_view kGoogleDomains =
    "com ad ae al am as at az ba be bf bg bi bj bs bt by ca cat cd cf cg ch ci cl cm cn "
    "co.ao co.bw co.ck co.cr co.id co.il co.in co.jp co.ke co.kr co.ls co.ma co.mz co.nz co.th "
    "co.tz co.ug co.uk co.uz co.ve co.vi co.za co.zm co.zw com.af com.ag com.ar com.au com.bd "
    "com.bh com.bn com.bo com.br com.bz com.co com.cu com.cy com.do com.ec com.eg com.et com.fj "
    "com.gh com.gi com.gt com.hk com.jm com.kh com.kw com.lb com.ly com.mm com.mt com.mx com.my "
    "com.na com.ng com.ni com.np com.om com.pa com.pe com.pg com.ph com.pk com.pr com.py com.qa "
    "com.sa com.sb com.sg com.sl com.sv com.tj com.tr com.tw com.ua com.uy com.vc com.vn cv cz de "
    "dj dk dm dz ee es fi fm fr ga ge gg gl gm gr gy hn hr ht hu ie im iq is it je jo kg ki kz la "
    "li lk lt lu lv md me mg mk ml mn mu mv mw ne nl no nr nu pl pn ps pt ro rs ru rw sc se sh si "
    "sk sm sn so sr st td tg tl tm tn to tt vu ws";

constexpr std::string_view kYoutubeNames =
    "www.youtube.com m.youtube.com youtubei.googleapis.com youtube.googleapis.com "
    "www.youtube-nocookie.com";
constexpr std::string_view kYandexDomains = "com ru by kz ua com.tr com.am com.ge";

template <class Visit>
void each_word(std::string_view words, Visit visit) {
    while (!words.empty()) {
        const auto end = words.find(' ');
        visit(words.substr(0, end));
        words = end == std::string_view::npos ? std::string_view{} : words.substr(end + 1);
    }
}

}  // namespace

void SafeSearch::lead(std::string_view name, std::string_view target) {
    LocalNode node;
    node.cname = std::make_shared<const Name>(*Name::parse(target));
    node.sets.emplace_back(RrType::kCname, RecordSet::kHouseTtl).add(node.cname->wire());
    nodes_.insert_or_assign(std::string(as_text(Name::parse(name)->wire())), std::move(node));
}

void SafeSearch::add(SafeEngine engine) {
    switch (engine) {
        case SafeEngine::kGoogle:
            each_word(kGoogleDomains, [this](std::string_view domain) {
                lead("www.google." + std::string(domain), "forcesafesearch.google.com");
                lead("google." + std::string(domain), "forcesafesearch.google.com");
            });
            return;
        case SafeEngine::kYoutube:
            each_word(kYoutubeNames,
                      [this](std::string_view name) { lead(name, "restrict.youtube.com"); });
            return;
        case SafeEngine::kYoutubeModerate:
            each_word(kYoutubeNames, [this](std::string_view name) {
                lead(name, "restrictmoderate.youtube.com");
            });
            return;
        case SafeEngine::kBing:
            lead("www.bing.com", "strict.bing.com");
            lead("bing.com", "strict.bing.com");
            lead("edgeservices.bing.com", "strict.bing.com");
            return;
        case SafeEngine::kDuckDuckGo:
            each_word("duckduckgo.com www.duckduckgo.com start.duckduckgo.com",
                      [this](std::string_view name) { lead(name, "safe.duckduckgo.com"); });
            return;
        case SafeEngine::kBrave: return lead("search.brave.com", "forcesafe.search.brave.com");
        case SafeEngine::kEcosia: return lead("www.ecosia.org", "strict-safe-search.ecosia.org");
        case SafeEngine::kPixabay: return lead("pixabay.com", "safesearch.pixabay.com");
        case SafeEngine::kYandex:
            each_word(kYandexDomains, [this](std::string_view domain) {
                lead("yandex." + std::string(domain), "familysearch.yandex.ru");
                lead("www.yandex." + std::string(domain), "familysearch.yandex.ru");
            });
            return;
    }
}

const LocalNode* SafeSearch::find(const Name& qname) const noexcept {
    const auto found = nodes_.find(as_text(qname.wire()));
    return found == nodes_.end() ? nullptr : &found->second;
}

void lead_to_safe_search(const SafeSearch& safe, const BlockPolicy& policy, RrType qtype,
                         LocalPath& path) {
    const bool finds_a_server = qtype == RrType::kA || qtype == RrType::kAaaa ||
                                qtype == RrType::kHttps || qtype == RrType::kSvcb;
    if (!finds_a_server || path.end != LocalPath::End::kNotOurs || !policy.enabled ||
        path.chain_size == LocalPath::kMaxChain)
        return;
    const LocalNode* node = safe.find(path.name);
    if (node == nullptr || policy.verdict(path.name).allowed_by_rule()) return;
    path.chain[path.chain_size++] = node;
    path.name = *node->cname;
}

}  // namespace hearth::dns
