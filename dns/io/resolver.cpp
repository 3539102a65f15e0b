#include "dns/io/resolver.h"

#include <dlfcn.h>
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

// Loaded when it is wanted: a home that neither recurses nor validates does not pay 1.7 MB for it
// and the four libraries it brings.
class Library {
public:
    static Result<const Library*> get() {
        static const Library library;
        if (library.missing_.empty()) return &library;
        return fail(Errc::kNotFound, kFile, library.missing_ + ": install the package libunbound8");
    }

    decltype(&ub_ctx_create) create = nullptr;
    decltype(&ub_ctx_delete) destroy = nullptr;
    decltype(&ub_ctx_set_option) set_option = nullptr;
    decltype(&ub_ctx_set_fwd) forward_to = nullptr;
    decltype(&ub_ctx_add_ta_file) add_trust_anchor = nullptr;
    decltype(&ub_ctx_async) run_thread = nullptr;
    decltype(&ub_ctx_debugout) log_to = nullptr;
    decltype(&ub_fd) descriptor = nullptr;
    decltype(&ub_process) process = nullptr;
    decltype(&ub_resolve_async) resolve = nullptr;
    decltype(&ub_resolve_free) free_result = nullptr;
    decltype(&ub_strerror) error_text = nullptr;

private:
    static constexpr const char* kFile = "libunbound.so.8";

    Library() {
        void* const file = ::dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
        if (file == nullptr) {
            missing_ = ::dlerror();
            return;
        }
        find(file, "ub_ctx_create", create);
        find(file, "ub_ctx_delete", destroy);
        find(file, "ub_ctx_set_option", set_option);
        find(file, "ub_ctx_set_fwd", forward_to);
        find(file, "ub_ctx_add_ta_file", add_trust_anchor);
        find(file, "ub_ctx_async", run_thread);
        find(file, "ub_ctx_debugout", log_to);
        find(file, "ub_fd", descriptor);
        find(file, "ub_process", process);
        find(file, "ub_resolve_async", resolve);
        find(file, "ub_resolve_free", free_result);
        find(file, "ub_strerror", error_text);
    }

    template <class Function>
    void find(void* file, const char* name, Function& function) {
        function = reinterpret_cast<Function>(::dlsym(file, name));
        if (function == nullptr) missing_ = std::string("without ") + name;
    }

    std::string missing_;  // empty: nothing is
};

struct FreeContext {
    const Library* library = nullptr;
    void operator()(ub_ctx* context) const noexcept { library->destroy(context); }
};
using Context = std::unique_ptr<ub_ctx, FreeContext>;

struct FreeResult {
    const Library* library = nullptr;
    void operator()(ub_result* result) const noexcept { library->free_result(result); }
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
        // Below a name that is proven not to be nothing is asked for (RFC 8020, RFC 8198); what is
        // not signed proves nothing, and some servers deny names that have others below them.
        {"harden-below-nxdomain:", "yes"},
        {"aggressive-nsec:", "yes"},
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

Result<void> configure(const Library& library, ub_ctx* context,
                       const Resolver::Settings& settings) {
    for (const Option& option : options_of(settings))
        if (const int error = library.set_option(context, option.name, option.value.c_str()))
            return fail(Errc::kSystem, std::string("libunbound, ") + option.name,
                        library.error_text(error));
    for (const Endpoint& server : settings.servers) {
        const std::string text = server.address.to_string() + "@" + std::to_string(server.port);
        if (const int error = library.forward_to(context, text.c_str()))
            return fail(Errc::kSystem, "libunbound, forward to " + text, library.error_text(error));
    }
    if (!settings.trust_anchor.empty())
        if (const int error = library.add_trust_anchor(context, settings.trust_anchor.c_str()))
            return fail(Errc::kSystem, settings.trust_anchor, library.error_text(error));
    library.run_thread(context, 1);
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
        const auto loaded = Library::get();
        if (!loaded) return fail(loaded.error());
        library = *loaded;
        context = Context(library->create(), FreeContext{library});
        if (!context) return fail(Errc::kSystem, "libunbound", "cannot make a context");
        if (auto configured = configure(*library, context.get(), settings); !configured)
            return configured;
        library->log_to(context.get(), nullptr);
        if (auto tried = try_settings(); !tried) return tried;
        watched.emplace(loop.context(), library->descriptor(context.get()));
        wait();
        loop.start();
        return {};
    }

    // Files are read with the first question, and only it says that they cannot be used.
    Result<void> try_settings() {
        int id = 0;
        const auto ignore = [](void*, int, ub_result* result) {
            FreeResult{Library::get().value()}(result);
        };
        const int error = library->resolve(context.get(), "localhost.", 1, 1, nullptr, ignore, &id);
        if (error == 0) return {};
        return fail(Errc::kInvalid, "libunbound",
                    std::string(library->error_text(error)) + " with the trust anchor " +
                        settings.trust_anchor + " and the root hints " + settings.root_hints);
    }

    void wait() {
        watched->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [this](boost::system::error_code error) {
                                if (error) return;
                                library->process(context.get());
                                wait();
                            });
    }

    // On our own loop: a worker's thread never waits for libunbound's locks.
    void ask(const Name& qname, RrType qtype, std::unique_ptr<Question> question) {
        int id = 0;
        Question* asked = question.release();
        open.insert(asked);
        const int error =
            library->resolve(context.get(), qname.to_string().c_str(), static_cast<int>(qtype),
                             static_cast<int>(RrClass::kIn), asked, &Impl::on_result, &id);
        if (error != 0) on_result(asked, error, nullptr);
    }

    static void on_result(void* data, int error, ub_result* raw) {
        const std::unique_ptr<Question> question(static_cast<Question*>(data));
        const std::unique_ptr<ub_result, FreeResult> result(raw,
                                                            FreeResult{question->resolver.library});
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
    const Library* library = nullptr;
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
