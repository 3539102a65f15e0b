#include "dns/io/resolver.h"

#include <unbound.h>
#include <unistd.h>

#include <cerrno>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>
#include <set>
#include <utility>

#include "runtime/event_loop.h"

namespace hearth::dns {
namespace {

struct FreeContext {
    void operator()(ub_ctx* context) const noexcept { ub_ctx_delete(context); }
};
using Context = std::unique_ptr<ub_ctx, FreeContext>;

struct FreeResult {
    void operator()(ub_result* result) const noexcept { ub_resolve_free(result); }
};

struct Option {
    const char* name;
    std::string value;
};

std::string octets(std::size_t count) { return std::to_string(count); }

std::vector<Option> options_of(const Resolver::Settings& settings) {
    const std::size_t part = settings.cache_bytes / 8;
    std::vector<Option> options{
        {"module-config:", settings.trust_anchor.empty() ? "iterator" : "validator iterator"},
        {"msg-cache-size:", octets(2 * part)},
        {"rrset-cache-size:", octets(4 * part)},
        {"key-cache-size:", octets(part)},
        {"neg-cache-size:", octets(part / 2)},
        {"infra-cache-numhosts:", "2000"},
        {"minimal-responses:", "yes"},
        {"outgoing-range:", "512"},
        {"num-queries-per-thread:", "2048"},
        // What was found bogus or failed is asked again soon: somebody may be mending it.
        {"val-bogus-ttl:", "30"},
        {"log-servfail:", "no"},
        // Names of the house never come here.
        {"unblock-lan-zones:", "yes"},
    };
    for (const char* slabs : {"msg-cache-slabs:", "rrset-cache-slabs:", "key-cache-slabs:",
                              "infra-cache-slabs:", "ratelimit-slabs:", "ip-ratelimit-slabs:"})
        options.push_back({slabs, "1"});
    if (settings.servers.empty()) {
        options.push_back({"root-hints:", settings.root_hints});
    } else {
        // Ourselves, over loopback: nothing is lost or cut on the way, and whom to ask when is
        // decided there.
        options.push_back({"do-not-query-localhost:", "no"});
        options.push_back({"edns-buffer-size:", "65000"});
        options.push_back({"do-tcp:", "no"});
        options.push_back({"infra-host-ttl:", "1"});
        options.push_back({"infra-keep-probing:", "yes"});
    }
    for (const Name& name : settings.insecure)
        options.push_back({"domain-insecure:", name.to_string()});
    return options;
}

Result<void> configure(ub_ctx* context, const Resolver::Settings& settings) {
    for (const Option& option : options_of(settings))
        if (const int error = ub_ctx_set_option(context, option.name, option.value.c_str()))
            return fail(Errc::kSystem, std::string("libunbound, ") + option.name,
                        ub_strerror(error));
    for (const Endpoint& server : settings.servers) {
        const std::string text = server.address.to_string() + "@" + std::to_string(server.port);
        if (const int error = ub_ctx_set_fwd(context, text.c_str()))
            return fail(Errc::kSystem, "libunbound, forward to " + text, ub_strerror(error));
    }
    if (!settings.trust_anchor.empty())
        if (const int error = ub_ctx_add_ta_file(context, settings.trust_anchor.c_str()))
            return fail(Errc::kSystem, settings.trust_anchor, ub_strerror(error));
    ub_ctx_async(context, 1);
    return {};
}

// libunbound reads them when the first question comes, and says nothing when it cannot.
Result<void> check_readable(const std::string& file) {
    if (file.empty() || ::access(file.c_str(), R_OK) == 0) return {};
    return fail(Error::from_errno(file + " (of the package dns-root-data)", errno));
}

Security security_of(const ub_result& result) noexcept {
    if (result.bogus != 0) return Security::kBogus;
    return result.secure != 0 ? Security::kSecure : Security::kInsecure;
}

}  // namespace

struct Resolver::Impl {
    struct Question {
        Impl& resolver;
        runtime::EventLoop& loop;
        Done done;
    };

    explicit Impl(Settings wanted) : settings(std::move(wanted)), loop("dns-resolver") {}

    ~Impl() {
        loop.stop();
        loop.join();
        if (watched) watched->release();
        watched.reset();
        context.reset();  // drops the questions that wait
        for (Question* question : open) delete question;
    }

    Result<void> start() {
        for (const std::string& file :
             {settings.trust_anchor, settings.servers.empty() ? settings.root_hints : ""})
            if (auto readable = check_readable(file); !readable) return readable;
        context.reset(ub_ctx_create());
        if (!context) return fail(Errc::kSystem, "libunbound", "cannot make a context");
        if (auto configured = configure(context.get(), settings); !configured) return configured;
        ub_ctx_debugout(context.get(), nullptr);
        watched.emplace(loop.context(), ub_fd(context.get()));
        wait();
        loop.start();
        return {};
    }

    void wait() {
        watched->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [this](boost::system::error_code error) {
                                if (error) return;
                                ub_process(context.get());
                                wait();
                            });
    }

    // On our own loop: a worker's thread never waits for libunbound's locks.
    void ask(const Name& qname, RrType qtype, std::unique_ptr<Question> question) {
        int id = 0;
        Question* asked = question.release();
        open.insert(asked);
        const int error =
            ub_resolve_async(context.get(), qname.to_string().c_str(), static_cast<int>(qtype),
                             static_cast<int>(RrClass::kIn), asked, &Impl::on_result, &id);
        if (error != 0) on_result(asked, error, nullptr);
    }

    static void on_result(void* data, int error, ub_result* raw) {
        const std::unique_ptr<ub_result, FreeResult> result(raw);
        const std::unique_ptr<Question> question(static_cast<Question*>(data));
        question->resolver.open.erase(question.get());
        auto answer = std::make_shared<Answer>();
        if (error == 0 && result != nullptr && result->answer_packet != nullptr) {
            const auto* octets = static_cast<const std::uint8_t*>(result->answer_packet);
            answer->packet.assign(octets, octets + result->answer_len);
            if (!question->resolver.settings.trust_anchor.empty())
                answer->security = security_of(*result);
            if (result->why_bogus != nullptr) answer->why = result->why_bogus;
        }
        question->loop.post([answer, done = std::move(question->done)] { done(*answer); });
    }

    Settings settings;
    runtime::EventLoop loop;
    Context context;
    std::optional<boost::asio::posix::stream_descriptor> watched;
    std::set<Question*> open;  // on our loop's thread
};

Resolver::Resolver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resolver::~Resolver() = default;

Result<std::shared_ptr<Resolver>> Resolver::start(const Settings& settings) {
    auto impl = std::make_unique<Impl>(settings);
    if (auto started = impl->start(); !started) return fail(std::move(started.error()));
    return std::shared_ptr<Resolver>(new Resolver(std::move(impl)));
}

void Resolver::ask(const Name& qname, RrType qtype, runtime::EventLoop& loop, Done done) {
    auto question = std::make_shared<std::unique_ptr<Impl::Question>>(
        new Impl::Question{*impl_, loop, std::move(done)});
    impl_->loop.post([impl = impl_.get(), qname, qtype, question] {
        impl->ask(qname, qtype, std::move(*question));
    });
}

const Resolver::Settings& Resolver::settings() const noexcept { return impl_->settings; }

}  // namespace hearth::dns
