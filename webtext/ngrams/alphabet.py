"""The kind and the lower case of each Unicode character, pinned to one version of Unicode.

Python's own tables change with its version, while a filter queried years later must be queried with the words it was filled with. The
packed tables are made from `unicodedata` by tests/webtext/ngrams/test_alphabet.py, which also compares them.
"""

from __future__ import annotations

import base64
import zlib
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNICODE = "14.0.0"
CODE_POINTS = 0x110000

# Kinds of characters. MAYBE_NOT_NFC is a flag beside the kind: a text with it is checked for normal form C.
SEPARATOR, WORD, MARK, SKIP, UNSEGMENTED, MAYBE_NOT_NFC = 0, 1, 2, 3, 4, 128


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


# Lengths of the first and the third list, then four lists of int32, delta-coded: starts of runs of one kind, their kinds; characters with
# a lower case, its distance. zlib, base 85.
_PACKED = """\
c-rk;YlvM}6+U~PbKi64Wipe=V`fZ~NiuoNByEz$2hLzktSxC#+tQ*^kyf+?5g(wU%p8hURPdi*)hbGV_)C9Ss3^8lwN%uqB=`We@%5up6ogg~u6yUK?ftU4_Icg8GdI%-\
tgLg+eyzRUd!2h`q8<b*mEiKfMFUL(H3K^hR0%H_PzE&N2(B%Ja32z$Bs@d-\
X_br{GB9kQLhC4iF$1^I^(?KUU~SEwRT&L9*EYg$A^aJ_6`JP}x}O8u?R<v}7?uP_*?gK|Mg4XWO%~cThvi|5(RSFtc4|ZZy$kx)*xoeb`3T&PF#4v67TbO&tUpX^HyHnLKNIl0!T4\
$UHEv*vo<%gbeZGUqLDRM6%RIF2p>d}e|3(D83TeCsXj1zq(8c>q2s{i0UFE#hf=neH$G$_bS1ssC2<t={G)ll}s<3&ut<?nmuMyvno)%nlIdj@Hvlq^v&|?=Pg6tYhPx8vpM?;zna\
csnR#r3HM*EnwoG)Bz7aXD+~AChiFY;5S^Sru%wO;8bdJPG=*1%D9=`k)2htOeQB1)EVRG&DUj;eN$OQ`JLH6P~qcKCYvO*qT+(T8_RDXm;zo!ZUW9u6Ho|a5UAJPPjFcAdf0rvrVx\
T^)h5JFk<u`5OmJ1w}U-z3UecmIh_&XyBjwPvUalCmg1)(=3k<mc!>Gus%PE`+e5YBI&}}-\
A;|X(#m7(>qaof^!JkJ==TJXf9?%kG<n}cu$W#*@_WB;m6;4o0|0Lr}&BL!l?EaNG$Bh6l@cHXOz75iako=H^+d)t4^ZRvjKSuNHr2XAQ?Jc5V9Q3b2HmM;-\
jYFJm3%=7nzm9Sq?zec(*aUkVV?M&Q-AQygpSG9D=PdP|0sVFUDWtZ8pr>{ZN2rg>qwTZ(U|UXCPO=!Z4dS9=^tVArhan~$r*#)-\
+%WVDVebv1JtW>WKn~Xf{~eF_fxoQNJRz;;WLG1-)u0=W$8GS7k&r9$82`9|C7TDRD`UkRiyifh{AoO+JuUA#>GAE#6U%+==)WQs2c=vuZC=Ivbp*C`9M-\
{@Qw3eDk}R%;*s363853f7lkKY__-S9x+5+EMf&A6=eU*WSNyaA)evQHBDgXPhPIU8)Vbb>+^WR^=_lBT*D#M>%5Bwg1*w%pOW$`SWi!Z2zt|^+k%5o&P|Jzy4<79o8z-t!^-\
T}U%N$W0>oz2p-X|RbAcz%HHmrTRsQ;BT_Zw`XbMTu`e=JFGwe>eG`1*VHlILq7qw-VkDKIGkmmpu8pJ1>rU{PiT$lMwvgb#Uf70dqLooR1ubSj5lmbC45iT5kya`5xf&0?Si|!H%4\
MO+ijN46%TpYaDHp%*Ia$^%L#k-45u}f<96#(+o?xei-\
&;`+Pv~sYv@b4kx^rB>q^R6Pe^<Sjp$2W{Q8XG~Yni?<Kj^h}RXt?>1O0sbth;8dOuUxzBwn(TOE$KSgoc#qUvoC7Am`m~Yfm6KlafkJ5UfM+R=+yFtf>AV*RVXZbmLnDUX2(U_xz&\
ye4?ecn%FV$kE`;PYIKY9H}un)W&eJfEhy_EFzD@Y~jMzQS~3AIupMU+ZA2E#`OmnLe%E`liz=p>+bzsXM^8&V#()Ak<=x2=y2Z`PU4@jylb=$mCEVxw?3JmSRdoeo~XK2vg2liup8\
G55pYL?PC&h%vk~_hutiuj*>n%iAS2`Tp?N~iKo_A-)Q*>@&8(Cn+I9jdFE7i{du9zaUSG6K{AYJ-Eq2}hd43`e(@yar7g(aHM3pEr=u)CMLyzrcM9q_&iC(Qc?h1rPzUWkt`Yo4NV\
?F5bt8|@X)!r(gENeRoPgJSmObY&v<c^T79h8)z+R&gbu=Z^P^3B<r?&!e2hY0|s;!?C&T0|Ri#9L~^^k_=-2$&UHmPR6!04`lT}N<!TVyqItbsPk?hi8^ae8zLYU#s3mx~*=-\
(%!s+SKnJde<<-&Tn{L(X4(`@zmv{{CbFJI}7t4V0ATV+%C|igF>E+zP=7TItKj18kzMaHPw~dei&C{wf#LTwoE|YaigH0b1C_o^bB>QDx5861)YzC8u=-\
e`2C3F>geB2I`T!c_`L?dk7DkV25vS3-\
%0%zqOLCg#5_1>7JJMDjx#!0V}|8ux3K$ZRy$ZE+8UsDO~&Kx)ZfzmEi?EIgWp577Tn`$IDfYx7eXCrfv&$eneg;tl=yN>!{7II=j1Z8=d+_EpE1y<&)WBWX7GJPXB+BBHK-\
+U|M#}>?zzO;^rY_AW<q$sR0sQ?X7ArtsqaJNkMAcxZ1cL?XsvTX{L#XD#vxCQcbWMsZUehhYQ-V+d#mckF+5ky^mt!~^OC(dO|+Z<T8H7?PX+Y;)+m|pS)g-\
_)eteJTnM^4Py?TYet%hYWBwS_$84X!MOW6rmGGYPN37;_h|Uo>&dxPyh<LRShi-\
;<x^~VV!dklozoLcudL;PQYD$~(y!TNle%@DG;WcR$yp(5==e@ufdmmDP=QrrYZvNaPe`F^4(<6!RJTscC@dsKro=9}&xN+<=#xSPM!%Jqen~W2B^dHUtzlXltz>0x?CO<2<{5%bZI\
s28xF|85PvsIzrO2&QG{5og9JlMydSm0O8`b+mXUa|G0wUp3T344rF_Q>b(%^By^jhO8xW_~+n*Bbh3lDTW=>*yZz3fBl2js?D~0?xB`%;wEQ+p6bUnvc_q&sJgFs-OqD1Z@)k(rC$\
&(^}CG=io`~;e|A>?vo$O!>hOiEqP>-W~;hnTNW*G37U$^q=+3WfmhNxMfY1ozS?7p+*ijv*o8E=&Z(PO`^<`m8hjV`Yk4rzBjGF^i%a4lMFw#SA9Vp7dwg)-\
xFGR$BXHb@d3`nz6tLGcyNOfAhbi`<Q}QL1GxlZSSlCC9qW5Vw%<VAt_(92Lefd|KT*~-\
JUv8;$<iut1Y6<L{Bgkl9&6(3l{a13#yTba0DL8Ll68E6L5<klLsg)A#agTniUp_Gc91G77``Q(|PQy__dU36yKFW7a>@`>M#m6`!C-\
nLKIA?B@=G)SIq3>+1Q_fp?_Me4=jP>F*ipND`+5@CdWpDsk@-\
4B)|K`DY_Z{Y}<)qn^DqvInte?dteO}xrdR|W0cMjA!a=0RKsUNb6OX`)cewoK_2Oj?)cxr`cH#)<P;u8Kl&Y)KbaxGFf^3_IqIWMh89Zh-8$-\
X*xmfpvn93w7ZGs;r~NQ;d+2Vc|9dT~Ly6wR-\
s`jyT(e_HKJ=co_)Y9U4TmPUi`++4($`h2SH!8fl(?Q^YTd%T9eUaI@2?Kx|`s30yvr_aZ0I0weU`$5SMt@N>Gbv0vM5SM)qS|r~rdmdklIks@`w*COS_tmA`?{E4I_x5q_wBLa24P\
N@Yz<xs5V|%Y4{f!6d_o&i0Qc@r3?;P;?LeE(Ko8x-Q`<PyN76$S+|9S&}@6-3)JHlSom6`i(mXDXZ&o<-0{%)`xT>1O)JWvhfzh$x+;P@KoM{}L^QEi|<S`U9ah<fs-)?m`*?DN-\
p^VsAd!9(?{hgP(mWp#D?f%SyuCfP%pZZtg4TP4S3wGT1+vgVoU6CG*oLph$cbB>!=SN{I|SdX@Bzt8x1b93ZY()ZlHzZ=!q;9P&L!R6Za+k*2S>EAlrN{;(fN?Wvnd~0RoyA_u2Mg\
{Zdtg};*Io$U@?%PZIeczEg*2l(v91XS)`1F9$^W`-@Q<oX*+McU!o;>;a4L%>O-nOypf9<1#A&1#b4*llenNFuOC^q#Vqvcm{{d2-\
UBe2)@`{}0*{1n=LVQT{heo4>lwf!#jB3tWs9{gJZ*YEc!^<^FO=N-Vqh7V8mK`x)jIp^W|1i#(%KS<ZFHP`m<tDMU*{)0jC4gY?CB?GS`SWnxjm*CTr#HardwtRD7|Bgy8u-\
W~|TEoaDueU7@DBQh!u;H06Y(X#J{&oh3rGIxiS0ilI?(@U)rK_J`FPd1q1=;W@!3zey$>0U(_ay>%|9JwN1FaCm1a{oljSemUvD5jk0sA*@Mtg)oj)i&Qa^3x6r?c~4ozB$7D{bsA\
7doBLJbTvQOBcFrPnhc`E^PU)ElA+MAM)$MZ|*9tC*Lz;zHQ(;27X|`-al{PqJifOd^OCT;~8V`-#2}qN}+AN&MybIpb#7wAXwT&F#9rxy#oUO1H>Jc6#\
"""
