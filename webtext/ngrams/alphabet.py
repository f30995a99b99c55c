"""The kind and the lower case of each Unicode character, pinned to one version of Unicode, and the normal form of a text.

Python's own tables change with its version, while a filter queried years later must be queried with the words it was filled with. The
packed tables are made from `unicodedata` by tests/webtext/ngrams/test_alphabet.py, which also compares them.
"""

from __future__ import annotations

import base64
import unicodedata
import zlib
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNICODE = "14.0.0"
CODE_POINTS = 0x110000

# Kinds of characters, with flags beside them: a text with any of CHANGES on may be another in its normal form; COMPOSES may be one with
# the character before it. Symbols whose form has no words (no-break space, …) have no flag, as nearly every page has them.
SEPARATOR, WORD, MARK, SKIP, UNSEGMENTED = range(5)
KIND, CHANGES, COMPOSES = 7, 64, 128

# First and last code point of the blocks (Blocks.txt) of scripts that are written without spaces between words: their letters and numbers
# are UNSEGMENTED.
WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x3005, 0x3007),  # ideographic iteration mark, closing mark, zero
    (0x3021, 0x303C),  # Hangzhou numerals, kana repeat marks
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # Bopomofo and Katakana extensions
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA000, 0xA4CF),  # Yi
    (0xA9E0, 0xA9FF),  # Myanmar extended B
    (0xAA60, 0xAADF),  # Myanmar extended A, Tai Viet
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x1AFF0, 0x1B16F),  # Kana extensions
    (0x20000, 0x3FFFF),  # Han, extensions B to H
)


class Alphabet(NamedTuple):
    """By code point: `kinds` uint8 [0x110000], `lower` int32 [0x110000]; and `ascii` uint8 [256], the
    lower case of a byte that is an ASCII letter or digit, otherwise 0."""

    kinds: NDArray[np.uint8]
    lower: NDArray[np.int32]
    ascii: NDArray[np.uint8]


@cache
def alphabet() -> Alphabet:
    """The tables, unpacked once a process."""
    numbers = np.frombuffer(zlib.decompress(base64.b85decode(_PACKED)), np.int32)
    runs, changes = numbers[0], numbers[1]
    starts, values, codes, shifts = np.split(numbers[2:], np.cumsum([runs, runs, changes]))
    lengths = np.diff(np.append(np.cumsum(starts), CODE_POINTS))
    kinds = np.repeat(values.astype(np.uint8), lengths)
    lower = np.arange(CODE_POINTS, dtype=np.int32)
    lower[np.cumsum(codes)] += shifts
    ascii_ = np.zeros(256, np.uint8)
    ascii_[:128] = np.where(kinds[:128] == WORD, lower[:128], 0)
    return Alphabet(kinds, lower, ascii_)


def normal_form(text: str) -> str:
    """Normal form KC, with ß as ss, and as i the i with a dot above that Python and others make of the Turkish İ.

    >>> normal_form("ﬁne Straße")
    'fine Strasse'
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    return text.replace("ß", "ss").replace("ẞ", "ss").replace("i\u0307", "i")


# Lengths of the first and the third list, then four lists of int32, delta-coded: starts of runs of one kind, their kinds; characters with
# a lower case, its distance. zlib, base 85.
_PACKED = """\
c-rk;YlvM}6+U~PbKi64WipSvW}HkW$xM=&q)pQJz<V_&)|RxOZE01gs1>y!;tOA8<`8T}1%C)atF5B+hrjfPg-S&$Rg0olC4*K_8$^Fpih|Gz!gcT5wVf}kYoFJ=ZYBw=taJ8ro%P\
=9%spSO2Ek$}xb$zqK;1yazzzdt!t(}{0Zll9YYQRVhlEE7SJ?flXl#RUmD-OJK5d|8V4Bu?g6?ayZ=ZpF10`77!H|Jl=z5aIE1+GowlaGLTx%QQ!?e#hjL{4~K)6J0kJ9}NjIn#|h\
xMzpwqi6Y##=jXC(&)8No&=Khe-dNf$h{6F?m^d8;q|oK4><60PY7EoqLET+kYp}(N8qg7_afUMxedMcyIYP47`qLZQDM^WTxrb@@E$MchkHRjE@6?4u>>f1JtR15a{A#Mg$&)f?aU\
lYC*P=J>l3scvdawO9=Z!DKtvJX)3XGxLsESTd5G=ke&uyb2)R`G_xPhAD`U~2(qg&J;^FV9}P(|#JLgU71yT<T;sYS&=@ga%H^zKd`P+xvALm#XJxR_CP7Ky@hIrO7W_ph=z|vGfE\
Hv^6>LT&&`|ftg!>gAO=S-~b!cnSdR#{jvOUY5y&QcZ(Cqekg=g+CU5_#Qa5PnzPPjdkAdfQJvq^DWF@A+CW=4$W{es@PJ;zvk-LpROx+IK2{-Zo5LGDg&+Y)?M#C%PZ5%)1)UG}V7\
V$V^|xlh$YcL=gRMX@pz=4gn0W$^70(?8S|mm4$$S-Iz$5oD{04%hx}${~(XjQ=d-O~u2rgY5p58RrcEKd}7`AmbY8Lr8wf!tJ0dw*6k+y&s}=cF;54MEwn-VHotTMmDM;W(`B!Z3@\
2BwqH*<5cgv|->idu4l$qM`tBsUoR6DgGCD(JCqRdtzY3|ZPV_i^wa;;g#<@J+w(SEOb2@XJ+4DAtm5Mz>6Lhs7;>1zfcb?|;!?+Nhzee<jL~jjbaRbP}@p&42XqDCpX+I~w3hA!~{\
cwD4g0GB({E^4~Lo9!BzS`nlu-+8$vSr{wmJ@uO#hw{<Urou!hEw{J^0?!kSfM<*fv+EZV8r68lshJ^tC-)9z&4M<J{S|qpvPtA*Y-oqR*(k`c=D#CxTV4F!W?<B#E*#9DltE>06zZ\
_MRGFuH3pxfcI$6Hrn@%rrm)+#*ZlWs+Vi~-147V!mEzZL02&7%#@3*{D4vA6zy}Gx1$@*p^@ntxtAXv6SWX*(KbOu)cM0djIYGv5%`!djc8IYN$$ye$G6+7^`OhlwYJ%lPwyk9vel\
*^-`!C+!jZsHj-le+x>>?jJ&uFg0`P4n%t%Uc1FFXf1mnI)m^5kY?V7FSxqa%=ciP?<v>DR*<^BD03?Zx^3VTiTdzGff?*0f(A=)!K0!92^w`oYef?v6ta-Vd>kpW_^Dqs#{#6KYf1\
!^bfg)A0C%I{0tIk{!(f@9`}9VZry~Gkj~V%ac)>Ykgy6lBj+q`?Y$4j|!=dX0P8*@~IHdOG138v3OZZsY}`M@1h*<^F;r%q$4dFXX`HqSk65N&`PMiCBc0_$DpTP*&yGi1${;T5PI\
b5#_a;V?Ss5hL0-aZ5&e`Oe2V5ACVYx=AUozmG$#hzI0`=6)%&K2*Lz4NGax^g?@iO#D#*^(!yab(H4SS<B%3POe}lydUKdH~w|?-X>e4y_XZ<mzPqUyuZxm`;hlIM8hMaW*;$4;2S\
zxj#kzTqy;|%FSM1EOAT=Jb&74wzow?kIH9EDghNl=BHQA2JpNOn;tK53G5iD(@qzS_8OqvffA>&PyzqrO>?w_RsOt?WN5)Qir6tVc+W5$!un*Rv3}M#0}6hg`k^XCBRbf#cI*meV6\
2vF0)k^)MGxrdj@vXIIoi`y6`(e-x4~G+E7C@?i}o=WTHIQ;@Il+F9Fkjzzn0{%9U@+7di#RG=QIgj$r8D{*>D5YMnyP$Iv5TsY%KKrh<B9;hqTJnw^e?Y2(uLgpFW6|n0F&b<rlT?\
3xQ>SXtGOh=p^oq%@|{XmyHFWYgClaFcAxc5-b+Q-hkm`iC^11ovzn^LUmBihcu`ukaZQku6Dbm@SQ+oQj)0*{UW|FG6*eMv>F$Za3YtFU(@yIFi0fjsR-K|f~_^1{$_7OR3i@bmbj\
p!1RNuHl60`u&LHs#wndpxOK$I-A(I`;>v3&BS-oxcO*Bmw#p&&YI00H-Y1n?(Q+ca=%;HJ+HSc5N-ILvd(zCoyJ?bzhfrfVetE?MupFK5^5Gr$f;0A8ldYhjdppu9CdxUrQz>WD{F\
F@*|X(glFtz6(-%y8WF~)r=xjp$tpfEI?*HCCymAh*Ha)6WYFZ(@r>lbf?_uvVmuT!m<d5$qKYYJ|+i0(|Lj2LfyWKudt-Q_r6}N$12{rc+#=TXo#4$XtOsw+03g<9;agt~`2DJ9WJ\
G2t${jE`Vz2|_=Ay#|Em~tUl(SZv1B=q}jwG#7(pr&ZY{4KitU4jzc7ypFS=?>Dl1n1ecMhy|K7UIy&@Q&QB`D55?r|107Ydw+RU&{%7%JcqACHQ$?y@=QIRq%42MV=bf5PPpwg7(v\
T#r{K<f9{~Ry-=G8$<7YJxzx$~;Trig)A5%_yK9^p?DqeO#>69Cy*p}x!-O%eJ*M%ZA?POK$R7Jg{r`UxaJPX)1OM#)ImxAV3AYJ{?B0iQe%o`O7fbZ;_LyjlsclIZx0rGtWT01iwi\
t9MZ7nxG3+C&DtUrYQn2nD;JdD{oitQ`ysf4jgc;?t6mq1v<w`QE8j}q-6lYxeQ&HCK+67=(ZbP5eBK?iY<fZ<r+%M#!$d&g|uEVM0ouBG)jz1X${^OgiX&;@9d_?JXWnw-{(hByOH\
Vh=B*b#(z+ve24^S8)MavdALIR&~L?G+N>UH06~^9y?Y7ucUqQK5riRy1oeVm(y%)B=9dPfTi_y!W?P8)1GnCeJuDXJLWuF<9tT!)_Og|T!$i$zQqM`kRXdVftNZ5j)k@?`qqZnpqQ\
WEEF7=Hx?0Fz;*5SGiw(sd8_?`;t|YpA`IAbq|E#vF1iCe|QLg_<_8c=G8hd<WAdL0pWJ$6q;x~QyrbK6+GfAA`oKgfY6~MkVf|UNHj5(q-elf$ki)?I|fYZ*DEkUlRA1xZ&V)y(S$\
MCh=jAwY?W`5GQw&YXWj1O&?$8}&a;p`k2(5ZI9xo)lea?690{9;=CKP{}m+u9%-A4Y!TS}oS61RZL#Hp!m`3HhTI_|^8Dd4mFeg!>*X_&DXEL&|}9TvI8!qcg_TAjQw~JV%Pf+7q9\
pJSonIgOvS><{wh6DD508;jH<rgag2B!Joy<MwW75pD&bf%Tu>1S{uw-hs@#^(w;Tk;Jh}@;8Qj;A1{Kl)QC44`_9ukMFw%sSh^naiVNzNuRfe59t57a5_oE^XgfN^mg1DS;Hxnw(W\
?Zx=BdB=YD}v+XKqA2QqlpP@LnNJ?_*C+6X&oQ<*A<}#ax|%uSsX*IHz2)+Feo|P-k2}sfMT%a;v0VPUn2KBpQ76hCII1=Tr46eDhk=kbUow)*_Ct*4In#Pm-QFZNI#A-8^*qe7uG;\
Y%IK!mHg0R%Ja0ZQmk|0qVJXS<eWuo2y3y%)vOB=POH6S#qFGa;yk<e)$|;V>kap;<Jw7oKQtA*{BKIv6T(&YuNI_lvPgf+Ed4%28Y6vcgs&HR=JLN+uX^^;YrwNGkiWa3Hv#x_`o2\
AZFr`*xhJQz<Qe?OuHsiql&1o~Z{I>^Lpd85GF4_ukbPe>QzQOvaHqjq#gum@YJ$ZAZH|cWr`8&OJY_gZ&q3V@GE80$5UD<wMBcZ-Uo*_v$YM%B+!Fg%@eT=@eb;j3;j->v+3~kMf^\
JdlMzg;-8N?W$S?fFc7YvfkaHwJv)ZmVr_uD{mca&7y&lyje0zkRk9ocBONU$lvQYoz46(zj9a<j-kmr#x%8-;TN8?b_dl9=c;=Z0x5|Z~K7H^%y;0TjMizk-4t#`SRAulV8~6^U>0\
6o4fxvKG_>`nB3y9-uye&>2!L<rtW97{1&c%MfjHl_S*jT{^tgM0e!!=wE+Xap*DMMf786o_IlQX|3Kiz{V}1wtb_G=2k?mD!_(^^m-{lVIXBzI?=a&J(DiH0wf#2F*$neP5_G@+un\
)k#2YMaBM%qrb0H2;BKK+NV<(mWh4W8A&R`(}s4Fg-e-nP)AaQCj>hG)KV4ORp0yDJ=8|L%0IM7UPF&kpU2S3bX9GO_p?q{CwbFB<qZgBM}kR|(wxmk4YQv`7#W*m>VHI@JDir}KRS\
_WMYKtAt*Tg<0WJ-F>;!+3~MVXMFi`8~f{pPA4>N&l!C2!b;zh=K9GC*ZkKt=)!+L>eq$e-<4lao-lL1Yv6kZerUknzhGe5!1D&a9;UDHjIsA0n6XbM(6&+Mmjl-z7wqpLXl)^wyvk\
v!N8o=ik<*6\
"""
