#include "config/blockable_services.h"

#include <array>

namespace hearth::config {
namespace {

constexpr std::array kServices = {
    BlockableService{"9gag", "9GAG", "9gag.com 9cache.com"},
    BlockableService{"amazon", "Amazon shops",
                     "amazon.com amazon.de amazon.co.uk amazon.fr amazon.it amazon.es amazon.nl "
                     "amazon.pl amazon.se amazon.ca amazon.com.au amazon.com.br amazon.com.mx "
                     "amazon.co.jp amazon.in media-amazon.com ssl-images-amazon.com"},
    BlockableService{"bluesky", "Bluesky", "bsky.app bsky.social bsky.network"},
    BlockableService{"chatgpt", "ChatGPT",
                     "chatgpt.com openai.com oaistatic.com oaiusercontent.com sora.com"},
    BlockableService{"claude", "Claude", "claude.ai anthropic.com claudeusercontent.com"},
    BlockableService{"crunchyroll", "Crunchyroll", "crunchyroll.com vrv.co"},
    BlockableService{"dailymotion", "Dailymotion", "dailymotion.com dmcdn.net dm-event.net"},
    BlockableService{"discord", "Discord",
                     "discord.com discord.gg discord.media discordapp.com discordapp.net "
                     "discordcdn.com discordstatus.com dis.gd"},
    BlockableService{"disneyplus", "Disney+",
                     "disneyplus.com disney-plus.net dssott.com bamgrid.com disneystreaming.com"},
    BlockableService{"ebay", "eBay",
                     "ebay.com ebay.de ebay.co.uk ebay.fr ebay.it ebay.es ebay.at ebay.ch ebay.ca "
                     "ebay.com.au ebayimg.com ebaystatic.com ebayrtm.com"},
    BlockableService{"epicgames", "Epic Games and Fortnite",
                     "epicgames.com epicgames.dev unrealengine.com fortnite.com "
                     "epicgames.net"},
    BlockableService{"facebook", "Facebook and Messenger",
                     "facebook.com facebook.net fb.com fb.me fb.watch fbcdn.net fbsbx.com "
                     "messenger.com m.me"},
    BlockableService{"gemini", "Google Gemini", "gemini.google.com bard.google.com"},
    BlockableService{"hbomax", "HBO Max", "hbomax.com max.com hbo.com hbomaxcdn.com hbogo.com"},
    BlockableService{"hulu", "Hulu", "hulu.com huluim.com hulustream.com"},
    BlockableService{"imgur", "Imgur", "imgur.com imgur.io"},
    BlockableService{"instagram", "Instagram", "instagram.com cdninstagram.com ig.me instagr.am"},
    BlockableService{"kick", "Kick", "kick.com"},
    BlockableService{"leagueoflegends", "League of Legends",
                     "leagueoflegends.com riotgames.com pvp.net lolesports.com riotcdn.net"},
    BlockableService{"linkedin", "LinkedIn", "linkedin.com licdn.com lnkd.in"},
    BlockableService{"minecraft", "Minecraft",
                     "minecraft.net minecraftservices.com mojang.com minecraft-services.net"},
    BlockableService{"netflix", "Netflix",
                     "netflix.com netflix.net nflxext.com nflximg.com nflximg.net nflxso.net "
                     "nflxvideo.net fast.com"},
    BlockableService{"nintendo", "Nintendo",
                     "nintendo.com nintendo.net nintendo.co.jp nintendo-europe.com "
                     "nintendoswitch.com"},
    BlockableService{"onlyfans", "OnlyFans", "onlyfans.com"},
    BlockableService{"pinterest", "Pinterest",
                     "pinterest.com pinterest.de pinterest.fr pinterest.co.uk pinterest.es "
                     "pinterest.it pinterest.ca pinterest.at pinterest.ch pinimg.com pin.it"},
    BlockableService{"playstation", "PlayStation Network",
                     "playstation.com playstation.net sonyentertainmentnetwork.com "
                     "playstationnetwork.com"},
    BlockableService{"primevideo", "Prime Video",
                     "primevideo.com amazonvideo.com aiv-cdn.net aiv-delivery.net pv-cdn.net "
                     "atv-ps.amazon.com"},
    BlockableService{"reddit", "Reddit",
                     "reddit.com redd.it redditmedia.com redditstatic.com redditinc.com"},
    BlockableService{"roblox", "Roblox", "roblox.com rbxcdn.com rbx.com robloxlabs.com"},
    BlockableService{"shein", "SHEIN", "shein.com sheingroup.com ltwebstatic.com"},
    BlockableService{"signal", "Signal", "signal.org whispersystems.org signal.me signal.art"},
    BlockableService{"snapchat", "Snapchat",
                     "snapchat.com snap.com sc-cdn.net snapkit.com snapads.com sc-static.net"},
    BlockableService{"soundcloud", "SoundCloud", "soundcloud.com sndcdn.com soundcloud.cloud"},
    BlockableService{"spotify", "Spotify",
                     "spotify.com scdn.co spotifycdn.com spotifycdn.net spotify.map.fastly.net "
                     "pscdn.co"},
    BlockableService{"steam", "Steam",
                     "steampowered.com steamcommunity.com steamcontent.com steamgames.com "
                     "steamstatic.com steamusercontent.com steamserver.net steamchina.com"},
    BlockableService{"telegram", "Telegram",
                     "telegram.org telegram.me t.me telegra.ph telesco.pe tdesktop.com "
                     "telegram-cdn.org"},
    BlockableService{"temu", "Temu", "temu.com kwcdn.com"},
    BlockableService{"threads", "Threads", "threads.net threads.com"},
    BlockableService{"tiktok", "TikTok",
                     "tiktok.com tiktokv.com tiktokv.us tiktokcdn.com tiktokcdn-us.com "
                     "tiktokcdn-eu.com tiktokw.us ttwstatic.com muscdn.com musical.ly "
                     "byteoversea.com ibytedtos.com ibyteimg.com ttlivecdn.com"},
    BlockableService{"tinder", "Tinder", "tinder.com gotinder.com tinderapi.com"},
    BlockableService{"tumblr", "Tumblr", "tumblr.com txmblr.com"},
    BlockableService{"twitch", "Twitch",
                     "twitch.tv ttvnw.net jtvnw.net twitchcdn.net twitchsvc.net ext-twitch.tv"},
    BlockableService{"vimeo", "Vimeo", "vimeo.com vimeocdn.com"},
    BlockableService{"vk", "VK", "vk.com vk.ru userapi.com vk-cdn.net vkuservideo.net vk.me"},
    BlockableService{"whatsapp", "WhatsApp", "whatsapp.com whatsapp.net wa.me"},
    BlockableService{"x", "X and Twitter", "x.com twitter.com twimg.com t.co twttr.com"},
    BlockableService{"xbox", "Xbox Live",
                     "xbox.com xboxlive.com xboxservices.com xboxab.com gamepass.com"},
    BlockableService{"youtube", "YouTube",
                     "youtube.com youtu.be youtube-nocookie.com ytimg.com googlevideo.com "
                     "youtubei.googleapis.com youtube.googleapis.com youtubekids.com yt.be "
                     "youtubeeducation.com youtube-ui.l.google.com"},
    BlockableService{"zoom", "Zoom", "zoom.us zoom.com zoomgov.com"},
};

}  // namespace

std::span<const BlockableService> blockable_services() noexcept { return kServices; }

}  // namespace hearth::config
