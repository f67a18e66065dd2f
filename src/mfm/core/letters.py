"""Letters of every script, folded to a to z; what of a word survives a change of script."""

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u0670"
    "\u0900-\u109f\u1780-\u17ff\ua9e0-\ua9ff"
)
"""Marks that belong to the letter before them, as a part of a pattern."""
WORD = re.compile(rf"[\w{MARKS}]+")
"""A word: letters and digits with their marks."""
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+"
)
"""A run of a script that is written without spaces, or joins words as Korean does."""

_ARABIC = re.compile("[\u0600-\u06ff]")
_ARABIC_ARTICLE = re.compile("^(?:وال|بال|كال|فال|ال|لل)(?=..)")
_ARABIC_LETTERS = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ک": "ك",
        "ہ": "ه",
        "ھ": "ه",
        "ة": "ه",
        "ۀ": "ه",
        "ؤ": "و",
        "ئ": "ي",
        "ے": "ي",
        "ں": "ن",
        "ـ": "",
        "ء": "",
    }
)
# Forms of one Chinese character that China, Japan and Taiwan write differently: the first stands.
_HAN_FORMS = """
国國 学學 会會 医醫 药藥薬 经經経 济濟済 广廣広 东東 专專専 业業 华華 万萬
应應応 术術 发發発 开開 关關関 机機 电電 车車 铁鐵鉄 师師 范範 农農 产產産
图圖図 书書 馆館 体體 团團団 员員 联聯 厅廳庁 县縣県 区區 湾灣 台臺 环環 护護
卫衛 历歷歴 语語 岛島 气氣気 龙龍竜 务務 总總総 统統 计計 数數 据據拠 资資 讯訊
网網 络絡 协協 议議 办辦 级級 单單単 实實実 验驗験 设設 备備 质質 检檢検 标標
准準 综綜 战戰戦 军軍 妇婦 儿兒児 权權権 论論 织織 组組 红紅 银銀 财財 贸貿
际際 门門 长長 马馬 鱼魚 鸟鳥 兽獸獣 动動 劳勞労 爱愛 荣榮栄 营營 艺藝芸 乐樂楽
剧劇 戏戲戯 传傳伝 观觀観 视視 听聽 声聲声 疗療 肿腫 脑腦脳 脏臟 齿齒歯 针針
药薬 养養 绿綠緑 矿礦鉱 钢鋼 锋鋒 轮輪 飞飛 宁寧 贵貴 陕陝 苏蘇 庆慶 济済
边邊辺 滨濱浜 泽澤沢 广広 冈岡 关関 静靜 桥橋 驿驛駅 荣栄 坛壇 圆圓円 归歸
龟龜亀 缘緣 丰豐 灵靈霊 祷禱 圣聖 义義
"""
_HAN = str.maketrans({form: forms[0] for forms in _HAN_FORMS.split() for form in forms[1:]})
_APOSTROPHES = re.compile("[\u2018\u2019\u02bb\u02bc\u02b9\u2032\u00b4`\u02be\u02bf\uff07]")
_UNSAID = re.compile("[\u3063\u30c3\u30fc]")  # Japanese marks of a doubled or drawn-out sound
_NOT_PLAIN = re.compile("[^a-z0-9]")
_VOWELS = re.compile("[aeiouyhw]")
_DOUBLED = re.compile(r"(.)\1+")
_ALIKE_SOUNDS = (
    ("ch", "s"),
    ("sh", "s"),
    ("zh", "s"),
    ("ts", "s"),
    ("kh", "k"),
    ("gh", "g"),
    ("ph", "f"),
    ("q", "k"),
    ("c", "k"),
    ("x", "k"),
    ("z", "s"),
    ("j", "s"),
    ("v", "f"),
    ("b", "p"),
    ("d", "t"),
    ("g", "k"),
    ("l", "r"),
)
_LOOSE = (
    (re.compile("g(?=[ei])|c(?=[ei])"), "s"),
    (re.compile("sch|sh|zh|ts|tz|[jz]"), "s"),
    (re.compile("ch|kh|ck|[cqxg]"), "k"),
    (re.compile("ph|[bvf]"), "p"),
    (re.compile("th|d"), "t"),
    (re.compile("l"), "r"),
    (re.compile("m"), "n"),
)
_SCRIPTS = (
    ("\u0370", "\u03ff", "greek"),
    ("\u0400", "\u052f", "cyrillic"),
    ("\u0530", "\u058f", "armenian"),
    ("\u0590", "\u05ff", "hebrew"),
    ("\u0600", "\u06ff", "arabic"),
    ("\u0900", "\u097f", "devanagari"),
    ("\u0980", "\u09ff", "bengali"),
    ("\u0e00", "\u0e7f", "thai"),
    ("\u1000", "\u109f", "myanmar"),
    ("\u10a0", "\u10ff", "georgian"),
    ("\u1200", "\u137f", "ethiopic"),
    ("\u1780", "\u17ff", "khmer"),
    ("\u3040", "\u309f", "kana"),
    ("\u30a0", "\u30ff", "kana"),
    ("\uac00", "\ud7af", "hangul"),
    ("\u3400", "\u9fff", "han"),
)


def plain(text: str) -> str:
    """Return text in one composition, small letters and one kind of apostrophe (NFKC)."""
    composed = unicodedata.normalize("NFKC", text).translate(_HAN)
    return _APOSTROPHES.sub("'", composed).casefold()


@lru_cache(maxsize=1 << 17)
def fold(word: str) -> str:
    """Return a plain word in the letters a to z and digits, whatever script it is in."""
    word = _UNSAID.sub("", word)
    if _ARABIC.search(word):
        word = _ARABIC_ARTICLE.sub("", word.translate(_ARABIC_LETTERS))
    return _NOT_PLAIN.sub("", anyascii(word).lower())


@lru_cache(maxsize=1 << 16)
def skeleton(text: str) -> str:
    """Return the consonants of folded letters, sounds that scripts confuse made one."""
    for sound, plainer in _ALIKE_SOUNDS:
        text = text.replace(sound, plainer)
    return _DOUBLED.sub(r"\1", text[:1] + _VOWELS.sub("", text[1:]))


@lru_cache(maxsize=1 << 16)
def loose_skeleton(text: str) -> str:
    """Return the consonants of folded letters as they survive a borrowing into another script."""
    for sounds, plainer in _LOOSE:
        text = sounds.sub(plainer, text)
    return _DOUBLED.sub(r"\1", _VOWELS.sub("", text))


def script_of(text: str) -> str:
    """Return latin, or the first other script that a text has letters of."""
    for sign in text:
        if sign.isalpha() and sign > "\u024f" and not "\u1e00" <= sign <= "\u1eff":
            return script(sign)
    return "latin"


@lru_cache(maxsize=1 << 14)
def script(sign: str) -> str:
    """Return the script of one sign that is not Latin."""
    return next((name for first, last, name in _SCRIPTS if first <= sign <= last), "other")
