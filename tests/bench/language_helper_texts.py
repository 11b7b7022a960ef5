"""What is said in the clips of the listening helper's bench: invented, as people speak in a first interview. Texts only."""

from __future__ import annotations

CHOSEN_ON = {
    "ara": (
        "مرحبا. نعم، أفهم المترجم جيدا. أنا أريد أن أطلب اللجوء. وصلت إلى الحدود قبل ثلاثة أيام مع أخي وأمي.",
        "انتظرنا ساعتين في المطر قبل أن يأتي أحد إلى الباب. كان الجو باردا جدا ولم يكن معنا طعام ولا ماء.",
    ),
    "pes": (
        "سلام. من سه روز پیش با برادرم به مرز رسیدم. ما در راه خیلی خسته شدیم و شب در جنگل خوابیدیم.",
        "دو ساعت زیر باران منتظر ماندیم تا کسی به در آمد. هوا خیلی سرد بود و ما نه غذا داشتیم و نه آب.",
    ),
    "urd": (
        "السلام علیکم۔ میں تین دن پہلے اپنے بھائی کے ساتھ سرحد پر پہنچا۔ "
        "ہم راستے میں بہت تھک گئے تھے اور رات جنگل میں سوئے۔",
        "ہم نے دو گھنٹے بارش میں انتظار کیا پھر کوئی دروازے پر آیا۔ بہت سردی تھی اور ہمارے پاس نہ کھانا تھا نہ پانی۔",
    ),
    "tur": (
        "Merhaba. Üç gün önce kardeşimle birlikte sınıra geldim. Yolda çok yorulduk ve gece ormanda uyuduk.",
        "Birisi kapıya gelene kadar yağmurda iki saat bekledik. Hava çok soğuktu, yiyeceğimiz ve suyumuz yoktu.",
    ),
}
"""Thresholds were set on these; by ISO 639-3."""
HELD_OUT = {
    "ara": (
        "سافرنا أولا بالقطار ثم بالسيارة ومشينا على الأقدام في الليل. "
        "أضعت هاتفي وأوراقي في النهر، ولا أعرف أين أخي الآن.",
        "كنت أعمل معلما في مدرسة صغيرة قرب السوق. "
        "عندي ثلاثة أولاد، وزوجتي بقيت مع أمها في المدينة لأنها لا تستطيع السفر.",
    ),
    "pes": (
        "اول با قطار و بعد با ماشین سفر کردیم و شب‌ها پیاده راه رفتیم. "
        "تلفن و مدارکم را در رودخانه گم کردم و نمی‌دانم برادرم کجاست.",
        "من در یک مدرسه‌ی کوچک نزدیک بازار معلم بودم. سه بچه دارم و همسرم پیش مادرش در شهر ماند چون نمی‌توانست سفر کند.",
    ),
    "urd": (
        "ہم پہلے ریل گاڑی سے اور پھر گاڑی سے آئے اور رات کو پیدل چلے۔ "
        "میرا فون اور کاغذات دریا میں گم ہو گئے اور مجھے نہیں معلوم میرا بھائی کہاں ہے۔",
        "میں بازار کے قریب ایک چھوٹے سکول میں استاد تھا۔ "
        "میرے تین بچے ہیں اور میری بیوی اپنی ماں کے پاس شہر میں رہ گئی کیونکہ وہ سفر نہیں کر سکتی تھی۔",
    ),
    "tur": (
        "Önce trenle, sonra arabayla yolculuk ettik ve geceleri yürüdük. "
        "Telefonumu ve belgelerimi nehirde kaybettim, kardeşimin nerede olduğunu bilmiyorum.",
        "Pazarın yakınındaki küçük bir okulda öğretmendim. "
        "Üç çocuğum var, eşim yolculuk edemediği için annesiyle birlikte şehirde kaldı.",
    ),
}
"""The same languages, other sentences."""
OUTSIDE = {
    "ku": (
        "Ez gelek westiyayî me û keça min a biçûk ji du rojan ve nexweş e. "
        "Em hewceyê bijîşkekî û cihekî germ in ku em lê razên.",
        "Em pêşî bi trênê û paşê bi erebeyê hatin û bi şev meşiyan. "
        "Telefona min û kaxezên min di çem de winda bûn û ez nizanim birayê min li ku ye.",
    ),
    "hi": ("मैं बहुत थक गया हूँ और मेरी छोटी बेटी दो दिन से बीमार है। हमें डॉक्टर और रात को सोने के लिए गर्म जगह की ज़रूरत है।",),
    "pa": ("ਮੈਂ ਬਹੁਤ ਥੱਕ ਗਿਆ ਹਾਂ ਅਤੇ ਮੇਰੀ ਛੋਟੀ ਧੀ ਦੋ ਦਿਨਾਂ ਤੋਂ ਬਿਮਾਰ ਹੈ। ਸਾਨੂੰ ਡਾਕਟਰ ਅਤੇ ਰਾਤ ਨੂੰ ਸੌਣ ਲਈ ਗਰਮ ਜਗ੍ਹਾ ਦੀ ਲੋੜ ਹੈ।",),
    "az": (
        "Mən çox yorğunam və balaca qızım iki gündür xəstədir. "
        "Bizə həkim və bu gecə yatmaq üçün isti bir yer lazımdır. Qardaşımın harada olduğunu bilmirəm.",
    ),
    "bn": ("আমি খুব ক্লান্ত এবং আমার ছোট মেয়ে দুই দিন ধরে অসুস্থ। আমাদের একজন ডাক্তার এবং রাতে ঘুমানোর জন্য একটি গরম জায়গা দরকার।",),
}
"""Languages that are no candidates; by voice of espeak-ng."""
