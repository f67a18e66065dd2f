"""Kinds of evidence, and what those concerned are told: in their language, without a rival's value.

Detectors tell sentences that quote both sides. Who may see one side alone hears which kinds of
facts agree or differ, and nothing of what the other's are.
"""

import re
from collections.abc import Iterable

_TOPICS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (topic, re.compile(pattern))
    for topic, pattern in (
        ("number", r"the same registration number|the same register |number: |numbers? "),
        ("number", r"only one says number"),
        ("place", r"(?:same )?(?:country|city|places?)\b|the same places|only one says place"),
        ("place", r"the names? say (?:different countries|opposite directions)"),
        ("place", r"a name says another country|the name of one has the city"),
        ("domain", r"(?:same )?domain\b|the site of one"),
        ("days", r"-?\d+ days|one begins when the other ends"),
        ("themes", r"the same themes|same sector|sectors "),
        ("applicants", r"the same (?:types|levels)"),
        ("titles", r"the titles share|the same text"),
        ("amounts", r"budgets? |[A-Z]{3} \d"),
        ("amounts", r"the declared shares|.* come to \d|.* awards are not counted"),
        ("documents", r"one (?:document|invoice) proves|no document "),
        ("titles", r".* hand in one text|a call may give|titles alone are compared"),
        ("titles", r"[\d.]+ % of their words"),
        ("days", r"their days and themes meet"),
        ("applications", r".* leads \d+ in one call"),
        ("contact", r"one (?:signatory|telephone number|e-mail address|address)$"),
        ("account", r".*\baccount\b"),
        ("agreements", r"neither is attested"),
        ("organisation", r"both are of |one organisation may be |.* tells? it"),
        ("agreements", r".* gives to "),
        ("source", r"both turn to "),
        ("names", r"both say |only one says |their short forms|the names say"),
        ("names", r".* (?:mean the same|sound alike|are spelled alike|is (?:not )?spelled by)"),
        ("names", r".*are (?:the same word|a word and its beginning)"),
    )
)
"""topic -> how the detectors' sentences about it begin, the first that fits."""

LANGUAGES = ("en", "fr", "es", "ar")
_NOTICES: dict[str, tuple[str, str, str, str]] = {
    "same-organisation": (
        "Your organisation may be registered twice.",
        "Votre organisation est peut-être enregistrée deux fois.",
        "Es posible que su organización esté registrada dos veces.",
        "قد تكون منظمتكم مسجلة مرتين.",
    ),
    "one-number-two-names": (
        "Another name is registered with your organisation's number.",
        "Un autre nom est enregistré avec le numéro de votre organisation.",
        "Otro nombre está registrado con el número de su organización.",
        "هناك اسم آخر مسجل برقم منظمتكم.",
    ),
    "same-project": (
        "One project may have been submitted twice.",
        "Un même projet a peut-être été présenté deux fois.",
        "Es posible que un mismo proyecto se haya presentado dos veces.",
        "قد يكون مشروع واحد قد قُدِّم مرتين.",
    ),
    "same-cost": (
        "One cost may have been charged twice.",
        "Un même coût a peut-être été imputé deux fois.",
        "Es posible que un mismo gasto se haya imputado dos veces.",
        "قد تكون تكلفة واحدة قد حُمِّلت مرتين.",
    ),
    "same-text": (
        "Your application says much the same as another one.",
        "Votre demande ressemble beaucoup à une autre.",
        "Su solicitud se parece mucho a otra.",
        "طلبكم يشبه طلبًا آخر إلى حد كبير.",
    ),
    "repeated-application": (
        "Your organisation has several applications in one call.",
        "Votre organisation a plusieurs demandes dans un même appel.",
        "Su organización tiene varias solicitudes en una misma convocatoria.",
        "لمنظمتكم عدة طلبات في دعوة واحدة.",
    ),
    "split-application": (
        "Several applications of yours may be parts of one.",
        "Plusieurs de vos demandes sont peut-être les parties d'une seule.",
        "Varias solicitudes suyas pueden ser partes de una sola.",
        "قد تكون عدة طلبات لكم أجزاءً من طلب واحد.",
    ),
    "shared-control": (
        "Your organisation shares particulars, such as a bank account, with another one.",
        "Votre organisation partage des données, comme un compte bancaire, avec une autre.",
        "Su organización comparte datos, como una cuenta bancaria, con otra.",
        "تشترك منظمتكم مع منظمة أخرى في بيانات مثل حساب مصرفي.",
    ),
    "over-stretched": (
        "Your organisation's grants are large beside its annual budget.",
        "Les subventions de votre organisation sont grandes par rapport à son budget annuel.",
        "Las subvenciones de su organización son grandes frente a su presupuesto anual.",
        "المنح المقدمة لمنظمتكم كبيرة مقارنة بميزانيتها السنوية.",
    ),
}
_ANY_NOTICE = (
    "Something of yours seems to be there twice.",
    "Quelque chose qui vous concerne semble exister deux fois.",
    "Algo suyo parece existir dos veces.",
    "يبدو أن شيئًا يخصكم موجود مرتين.",
)
_TOPIC_WORDS: dict[str, tuple[str, str, str, str]] = {
    "number": ("registration number", "numéro officiel", "número de registro", "رقم التسجيل"),
    "place": ("place", "lieu", "lugar", "المكان"),
    "domain": ("web site", "site web", "sitio web", "الموقع الإلكتروني"),
    "days": ("dates", "dates", "fechas", "التواريخ"),
    "themes": ("themes", "thèmes", "temas", "المواضيع"),
    "applicants": ("who may apply", "qui peut postuler", "quién puede solicitar", "من يقدم"),
    "titles": ("titles and texts", "titres et textes", "títulos y textos", "العناوين والنصوص"),
    "amounts": ("amounts", "montants", "importes", "المبالغ"),
    "documents": ("documents", "documents", "documentos", "المستندات"),
    "applications": ("number of applications", "demandes", "solicitudes", "عدد الطلبات"),
    "account": ("bank account", "compte bancaire", "cuenta bancaria", "الحساب المصرفي"),
    "contact": (
        "address or signatory",
        "adresse ou signataire",
        "dirección o firmante",
        "العنوان أو المفوض بالتوقيع",
    ),
    "organisation": ("organisation", "organisation", "organización", "المنظمة"),
    "agreements": ("agreements", "accords", "acuerdos", "الاتفاقات"),
    "source": ("source of money", "financement", "financiación", "مصدر التمويل"),
    "names": ("names", "noms", "nombres", "الأسماء"),
    "other": ("other facts", "autres faits", "otros hechos", "وقائع أخرى"),
}
_SIDES = {
    "for": ("Agrees: ", "Concorde : ", "Coincide: ", "يتفق: "),
    "against": ("Differs: ", "Diffère : ", "Difiere: ", "يختلف: "),
}
_EFFECTS: dict[str, tuple[str, str, str, str]] = {
    "open": (
        "While it is open it changes nothing for anybody.",
        "Tant qu'il est ouvert, il ne change rien pour personne.",
        "Mientras está abierto, no cambia nada para nadie.",
        "ما دامت الحالة مفتوحة فهي لا تغيّر شيئًا لأحد.",
    ),
    "none": (
        "It changes no application, agreement or payment.",
        "Il ne change ni demande, ni accord, ni paiement.",
        "No cambia ninguna solicitud, acuerdo ni pago.",
        "لا تغيّر أي طلب أو اتفاق أو دفعة.",
    ),
    "approval": (
        "An agreement that it concerns, and that is not signed yet, waits for approval.",
        "Un accord concerné et pas encore signé attend une approbation.",
        "Un acuerdo afectado que aún no se ha firmado espera una aprobación.",
        "كل اتفاق يخصها ولم يُوقَّع بعد ينتظر موافقة.",
    ),
    "flag": (
        "It is told where an agreement with the organisation is signed, and holds nothing.",
        "Il est signalé à la signature d'un accord avec l'organisation et ne bloque rien.",
        "Se señala al firmar un acuerdo con la organización y no retiene nada.",
        "يُشار إليها عند توقيع اتفاق مع المنظمة ولا توقف شيئًا.",
    ),
    "question": (
        "Of the two reports the one accepted later is accepted once a question is answered.",
        "Des deux rapports, le second n'est accepté qu'après réponse à une question.",
        "De los dos informes, el segundo se acepta cuando se responde a una pregunta.",
        "من التقريرين لا يُقبل اللاحق إلا بعد الإجابة عن سؤال.",
    ),
}
_COMMA = (", ", ", ", ", ", "، ")


def topics(reasons: Iterable[str]) -> tuple[str, ...]:
    """Return the kinds of evidence in a detector's sentences: for:names, against:place ..."""
    found: dict[str, None] = {}
    for reason in reasons:
        side, _, said = reason.partition(": ")
        if side in _SIDES:
            topic = next((name for name, how in _TOPICS if how.match(said)), "other")
            found[f"{side}:{topic}"] = None
    return tuple(found)


def notice(detector: str, language: str) -> str:
    """Return what a detector noticed, said to those concerned."""
    return _NOTICES.get(detector, _ANY_NOTICE)[LANGUAGES.index(language)]


def evidence(told: Iterable[str], language: str) -> list[str]:
    """Return kinds of evidence as sentences: what agrees, and what differs."""
    at, made = LANGUAGES.index(language), []
    for side, words in _SIDES.items():
        names = [each.partition(":")[2] for each in told if each.startswith(f"{side}:")]
        said = [_TOPIC_WORDS.get(name, _TOPIC_WORDS["other"])[at] for name in names]
        if said:
            made.append(f"{words[at]}{_COMMA[at].join(said)}.")
    return made


def effect(code: str, status: str, language: str) -> str:
    """Return what a case changes as it stands, said to its reader."""
    name = "open" if status in ("open", "explained") else code
    return _EFFECTS[name][LANGUAGES.index(language)]
